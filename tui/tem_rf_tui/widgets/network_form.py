"""The fields of an architecture; the name and the other fields update each other."""

from typing import Any, get_args

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Label, Select, Static

from tem_rf.architecture import Architecture
from tem_rf.architecture.design import enumerate_architectures
from tem_rf.architecture.shape import CHOICES, STUDY_FILTERS
from tem_rf.errors import ArchitectureError

_STUDY_DEPTHS = (2, 3, 4)
_SEQUENCES = {"pooling_sequence": "pooling", "dilation_sequence": "dilation", "filter_sequence": "filters"}
_NUMBERS = {"kernel_size": "kernel", "convolutions_per_block": "convolutions"}


class NetworkForm(VerticalScroll, can_focus=False):
    """Asks for one architecture.

    Args:
        start: Initial architecture.
    """

    class Changed(Message):
        """The architecture in the fields has changed."""

        def __init__(self, architecture: Architecture) -> None:
            super().__init__()
            self.architecture = architecture

    def __init__(self, start: Architecture, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.architecture = start

    def compose(self) -> ComposeResult:
        study = [each.name for each in enumerate_architectures(_STUDY_DEPTHS)]
        yield _row("preset", Select([(name, name) for name in study], prompt="select", compact=True, id="preset"))
        yield _row("name", Input(self.architecture.name, compact=True, id="name"))
        for field, title in (_SEQUENCES | _NUMBERS).items():
            yield _row(title, Input(_text(getattr(self.architecture, field)), compact=True, id=f"net-{field}"))
        for field, choices in CHOICES.items():
            options = [(choice, choice) for choice in get_args(choices)]
            title = "pooling kind" if field == "pooling" else field.replace("_", " ")
            value = getattr(self.architecture, field)
            yield _row(title, Select(options, value=value, allow_blank=False, compact=True, id=f"net-{field}"))
        yield Static(id="network-problem", classes="problem", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Read the name or the fields."""
        if not (event.input.id or "").startswith(("name", "net-")):
            return
        event.stop()
        if event.input.has_focus:
            self._read(event.input.id or "")

    def on_select_changed(self, event: Select.Changed) -> None:
        """Apply a preset or read the fields."""
        event.stop()
        if event.select.id == "preset":
            if isinstance(event.value, str):
                self.fill(Architecture.from_name(event.value))
        elif event.value != getattr(self.architecture, (event.select.id or "").removeprefix("net-")):
            self._read(event.select.id or "")

    def fill(self, architecture: Architecture) -> None:
        """Fill the fields with an architecture."""
        self._take(architecture, leave="")

    def _read(self, edited: str) -> None:
        problem = self.query_one("#network-problem", Static)
        try:
            if edited == "name":
                architecture = Architecture.from_name(self.query_one("#name", Input).value.strip())
            else:
                if edited == "net-pooling_sequence":
                    self._follow_depth()
                architecture = Architecture(**self._fields())
        except ArchitectureError as error:
            problem.update(f"✗ {error}")
            return
        problem.update("")
        self._take(architecture, leave="name" if edited == "name" else "fields")

    def _take(self, architecture: Architecture, *, leave: str) -> None:
        """Show an architecture in all fields except those being edited."""
        self.architecture = architecture
        if leave != "name":
            self.query_one("#name", Input).value = architecture.name
        if leave != "fields":
            for field in (*_SEQUENCES, *_NUMBERS):
                self.query_one(f"#net-{field}", Input).value = _text(getattr(architecture, field))
            for field in CHOICES:
                self.query_one(f"#net-{field}", Select).value = getattr(architecture, field)
        self.query_one("#network-problem", Static).update("")
        self.post_message(self.Changed(architecture))

    def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for field, title in (_SEQUENCES | _NUMBERS).items():
            numbers = self._numbers(field, title)
            if field in _NUMBERS and len(numbers) != 1:
                raise ArchitectureError(f"{title}: expected one whole number, received {len(numbers)}.")
            fields[field] = numbers[0] if field in _NUMBERS else numbers
        return fields | {field: self.query_one(f"#net-{field}", Select).value for field in CHOICES}

    def _follow_depth(self) -> None:
        """Reset dilations and filters if their number does not match the new depth."""
        blocks = len(self._numbers("pooling_sequence", "pooling")) + 1
        if len(self._numbers("dilation_sequence", "dilation")) != blocks:
            self.query_one("#net-dilation_sequence", Input).value = _text((1,) * blocks)
        filters = self._numbers("filter_sequence", "filters")
        if len(filters) not in (1, blocks):
            first = filters[0] if filters else STUDY_FILTERS
            doubling = tuple(first * 2**level for level in range(blocks))
            self.query_one("#net-filter_sequence", Input).value = _text(doubling)

    def _numbers(self, field: str, title: str) -> tuple[int, ...]:
        text = self.query_one(f"#net-{field}", Input).value
        try:
            return tuple(int(part) for part in text.replace(",", " ").split())
        except ValueError as error:
            raise ArchitectureError(f"{title}: expected whole numbers, received {text!r}.") from error


def _row(title: str, field: Input | Select[str]) -> Horizontal:
    return Horizontal(Label(title, classes="field-name", markup=False), field, classes="field")


def _text(value: int | tuple[int, ...]) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
