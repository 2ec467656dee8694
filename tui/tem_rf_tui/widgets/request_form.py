"""A form generated from a request: one field per setting, checked while you type; advanced settings on demand."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Select

from tem_rf.jobs.request import Request, Setting
from tem_rf_tui.widgets.field_help import FieldHelp
from tem_rf_tui.widgets.switch_box import SwitchBox

R = TypeVar("R", bound=Request)
Field = Input | Select[str] | SwitchBox
Choice = tuple[str, str]
"""Shown text and value."""


class RequestForm(VerticalScroll, Generic[R]):
    """The settings of a request. If a field is unchanged or empty, the default is used.

    Args:
        request: Class of the request.
        start: Initial values instead of the defaults, by setting; they are used unless emptied.
        fixed: Values of settings that are not shown.
        only: Settings to show; default: all.
        leave_out: Settings to hide.
        choices: Choices of settings that are only known at run time.
    """

    class Changed(Message):
        """A field has changed."""

    def __init__(
        self,
        request: type[R],
        *,
        start: Mapping[str, Any] | None = None,
        fixed: Mapping[str, Any] | None = None,
        only: Collection[str] = (),
        leave_out: Collection[str] = (),
        choices: Mapping[str, Sequence[Choice]] | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id, can_focus=False)
        self._class = request
        self._start, self._fixed, self._choices = dict(start or {}), dict(fixed or {}), dict(choices or {})
        hidden = {*self._fixed, *leave_out}
        self._settings = {
            name: setting
            for name, setting in request.settings().items()
            if name not in hidden and (not only or name in only)
        }
        self._fields: dict[str, Field] = {}
        self._untouched: dict[str, Any] = {}  # value of each field before it is edited
        self._defaults = request.defaults()
        self._is_tried = False

    def compose(self) -> ComposeResult:
        for name, setting in self._settings.items():
            if not setting.is_advanced:
                yield self._row(name)
        yield Vertical(id="advanced")

    @property
    def has_advanced(self) -> bool:
        """Whether there are advanced settings."""
        return any(setting.is_advanced for setting in self._settings.values())

    async def toggle_advanced(self) -> None:
        """Show or hide the advanced settings; their values are kept."""
        place = self.query_one("#advanced")
        self.toggle_class("-all")
        if place.children:
            place.display = self.has_class("-all")
            return
        rows: list[Label | Horizontal] = []
        group: str | None = None
        for name, setting in self._settings.items():
            if setting.is_advanced:
                if setting.group not in (None, group):
                    rows.append(Label(f"{setting.group}".capitalize(), classes="group-title"))
                group = setting.group
                rows.append(self._row(name))
        await place.mount_all(rows)
        self._fill()
        first = next((name for name, setting in self._settings.items() if setting.is_advanced), None)
        if first is not None:
            self.call_after_refresh(self._fields[first].focus)

    def path_field(self, widget: Widget | None) -> Input | None:
        """Return a field if it takes a path.

        Args:
            widget: The focused widget.
        """
        name = next((name for name, field in self._fields.items() if field is widget), None)
        return widget if name and self._settings[name].is_path and isinstance(widget, Input) else None

    @property
    def given(self) -> dict[str, Any]:
        """The given settings, by name."""
        given = dict(self._fixed)
        for name, field in self._fields.items():
            held = _held(field)
            is_default = held == self._untouched[name] and name not in self._start
            if not is_default and held not in ("", None):
                given[name] = _parsed(self._settings[name], held)
        return given | {name: value for name, value in self._start.items() if name not in self._fields}

    @property
    def request(self) -> R | None:
        """The request in the fields; None if it is invalid."""
        given = self.given
        return None if self._class.problems(given) else self._class.build(**given)

    @property
    def problem(self) -> str:
        """What is wrong, with the name of the setting; empty if the request is valid."""
        problems = self._class.problems(self.given)
        return " ".join(f"{title(name)}: {problem}" if name else problem for name, problem in problems.items())

    def show_problems(self, more: Mapping[str, str] | None = None) -> None:
        """Show problems next to the fields; from now on also for empty required fields.

        Args:
            more: Problems found by the screen, by setting.
        """
        self._is_tried = True
        self._show_problems(more or {})

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check the input; another model to start from has other defaults."""
        event.stop()
        if any(event.input is self._fields.get(name) for name in self._class.presets()):
            self._fill()
        self._tell()

    def on_select_changed(self, event: Select.Changed) -> None:
        """Check the selection; another recipe or preset changes the defaults."""
        event.stop()
        self._fill()
        self._tell()

    def on_checkbox_changed(self, event: SwitchBox.Changed) -> None:
        """Check the input."""
        event.stop()
        self._tell()

    def _row(self, name: str) -> Horizontal:
        setting = self._settings[name]
        field = self._fields[name] = self._field(name, setting)
        return Horizontal(
            Label(title(name), classes="field-name"),
            field,
            FieldHelp(setting.help, id=f"help-{name}"),
            classes="field",
        )

    def _field(self, name: str, setting: Setting) -> Field:
        value = self._start.get(name, self._defaults[name])
        choices = self._choices.get(name) or [(choice, choice) for choice in setting.choices]
        if choices or name in self._choices:
            is_blank = setting.is_optional or not choices
            first = None if is_blank else choices[0][1]
            chosen = next((each for _, each in choices if each == str(value)), first)
            self._untouched[name] = chosen
            if chosen is None:
                return Select(choices, prompt=_nothing(setting), compact=True, id=f"field-{name}")
            return Select(
                choices, value=chosen, allow_blank=is_blank, prompt=_nothing(setting), compact=True, id=f"field-{name}"
            )
        if setting.is_switch:
            self._untouched[name] = bool(value)
            return SwitchBox(bool(value), id=f"field-{name}")
        default = _text(setting, self._defaults[name])
        text = self._untouched[name] = _text(setting, value)
        return Input(text, compact=True, placeholder=default or _nothing(setting), id=f"field-{name}")

    def _fill(self) -> None:
        """Fill unedited fields with the defaults of the selected recipe or preset."""
        presets = {name: _held(self._fields[name]) for name in self._class.presets() if name in self._fields}
        self._defaults = self._class.defaults(**presets)
        with self.prevent(Input.Changed, Select.Changed, SwitchBox.Changed):
            for name, field in self._fields.items():
                if name in self._start or not self._settings[name].is_preset_dependent:
                    continue
                is_untouched = _held(field) == self._untouched[name]
                default = self._defaults[name]
                if isinstance(field, Input):
                    self._untouched[name] = text = _text(self._settings[name], default)
                    field.placeholder = text or _nothing(self._settings[name])
                elif isinstance(field, SwitchBox):
                    self._untouched[name] = bool(default)
                else:
                    self._untouched[name] = None if default is None else str(default)
                if is_untouched and isinstance(field, Select) and default is None:
                    field.clear()
                elif is_untouched:
                    field.value = self._untouched[name]

    def _tell(self) -> None:
        self._show_problems({})
        self.post_message(self.Changed())

    def _show_problems(self, more: Mapping[str, str]) -> None:
        problems = {**self._class.problems(self.given), **more}
        for name, field in self._fields.items():
            is_told = self._is_tried or _held(field) != self._untouched[name] or not self._settings[name].is_required
            self.query_one(f"#help-{name}", FieldHelp).show_problem(problems.get(name, "") if is_told else "")


def _held(field: Field) -> str | bool | None:
    """Return the value of a field: text, on or off; None: nothing selected."""
    if isinstance(field, Input):
        return field.value.strip()
    if isinstance(field, SwitchBox):
        return field.value
    return field.value if isinstance(field.value, str) else None


def _parsed(setting: Setting, held: str | bool | None) -> Any:
    """Convert the value of a field for the request."""
    if not isinstance(held, str):
        return held
    if setting.is_optional and held == "none":
        return None
    if setting.is_list and not setting.has_commas:
        return [word.strip() for word in held.split(",") if word.strip()]
    return held


def _text(setting: Setting, value: Any) -> str:
    """Return a value as you would type it; empty if there is none."""
    if value is None or value is ...:
        return ""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={one}" for key, one in value.items())
    if isinstance(value, tuple | list):
        return ("," if setting.is_list else ":").join(map(str, value))
    return str(value)


def _nothing(setting: Setting) -> str:
    """Return the meaning of an empty field that has no default value."""
    return "default" if "default:" in setting.help.lower() else "none"


def title(name: str) -> str:
    """Return the name of a setting as forms show it."""
    return name.replace("_", " ")
