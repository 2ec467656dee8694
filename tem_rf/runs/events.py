"""What happened in a run: an append-only file of versioned events, one JSON object a line."""

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tem_rf.errors import DiskFullError
from tem_rf.files import storage_errors

State = Literal["queued", "starting", "running", "paused", "stopped", "finished", "failed"]


class Event(BaseModel):
    """What every event has."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=True, ser_json_inf_nan="strings")

    version: Literal[1] = 1
    time: float = Field(default_factory=time.time, description="Seconds since 1970.")


class StatusEvent(Event):
    """The run, or the study, entered another state."""

    kind: Literal["status"] = "status"
    state: State
    detail: str = ""


class StepEvent(Event):
    """Where the run is within its epoch; at most a few a second."""

    kind: Literal["step"] = "step"
    epoch: int = Field(description="Epoch that is being computed, from 1.")
    step: int = Field(description="Steps done in this epoch.")
    steps: int = Field(description="Steps of an epoch.")
    loss: float = Field(description="Mean cross-entropy of this epoch so far.")
    patches_per_s: float
    input_wait: float = Field(description="Fraction of the time spent waiting for data.")


class EpochEvent(Event):
    """The scores of one epoch."""

    kind: Literal["epoch"] = "epoch"
    epoch: int = Field(description="Epochs done.")
    epochs: int = Field(description="Epochs asked for.")
    loss: float
    soft_dice: float
    hard_dice: float
    validation_loss: float
    validation_soft_dice: float
    validation_hard_dice: float
    is_best: bool
    learning_rate: float
    patches_per_s: float
    duration_s: float
    input_wait: float
    memory_mb: float


class NoticeEvent(Event):
    """Something the user should know, which does not change the state."""

    kind: Literal["notice"] = "notice"
    message: str


class SampleEvent(Event):
    """`samples.npz` shows what the network makes of a few validation patches now."""

    kind: Literal["sample"] = "sample"
    epoch: int = Field(description="Epochs done.")
    patches: int


AnyEvent = Annotated[StatusEvent | StepEvent | EpochEvent | NoticeEvent | SampleEvent, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)

E = TypeVar("E", bound=Event)
Parser = Callable[[bytes], E | None]


class EventLog:
    """Appends events to a file; each line is written by one call, so readers see whole lines or a torn last one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with storage_errors(path):
            self._mend_torn_line()

    def write(self, event: Event) -> None:
        """Append one event, whole or not at all.

        Raises:
            DiskFullError: There is no room on the disk.
        """
        line = event.model_dump_json().encode() + b"\n"
        with storage_errors(self._path), self._path.open("ab", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            try:
                if file.write(line) < len(line):  # what a disk does that is full within the line
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                file.truncate(before)
                raise

    def _mend_torn_line(self) -> None:
        """End a line that a killed process left half-written, so that the next event starts on its own."""
        if not self._path.exists() or self._path.stat().st_size == 0:
            return
        with self._path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")


def parse_event(line: bytes | str) -> AnyEvent | None:
    """Read one line; None for a torn line or a kind of event that a later version writes."""
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError:
        return None


def read_events(path: Path) -> list[AnyEvent]:
    """All whole events of a run, oldest first; none where the file is absent."""
    return read_lines(path, parse_event)


def read_lines(path: Path, parse: Parser[E]) -> list[E]:
    """All whole events of any kind, oldest first; none where the file is absent."""
    return list(follow_lines(path, 0, parse)[0])


def follow_events(path: Path, start: int) -> tuple[Iterator[AnyEvent], int]:
    """Events of a run appended since byte `start`, and the byte to go on from."""
    return follow_lines(path, start, parse_event)


def follow_lines(path: Path, start: int, parse: Parser[E]) -> tuple[Iterator[E], int]:
    """Events of any kind appended since byte `start`, and the byte to go on from.

    A line that is still being written is left for the next call.

    Args:
        path: File of one event a line; it need not exist yet.
        start: Where to begin [bytes].
        parse: Reads one line; None for one that is to be passed over.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read()
    except FileNotFoundError:
        return iter(()), 0
    whole = content.rfind(b"\n") + 1
    events = (parse(line) for line in content[:whole].splitlines())
    return (event for event in events if event is not None), start + whole


def epochs(events: Iterable[AnyEvent]) -> list[EpochEvent]:
    """The epochs in order; one that was computed again after a restart counts once."""
    by_number = {event.epoch: event for event in events if isinstance(event, EpochEvent)}
    return [by_number[number] for number in sorted(by_number)]


def last_status(events: Sequence[Event]) -> StatusEvent | None:
    """The last change of state, of a run or a study; None before the first."""
    return next((event for event in reversed(events) if isinstance(event, StatusEvent)), None)


Listener = Callable[[Event], None]


class EventSink:
    """Writes events and tells the listeners; on a full disk it holds the events back until there is room.

    Args:
        log: Where to write.
        listeners: Called with every event.
    """

    def __init__(self, log: EventLog, *listeners: Listener) -> None:
        self._log, self._listeners = log, listeners
        self._held_back: list[Event] = []

    def emit(self, event: Event) -> None:
        """Report an event; a step that cannot be written is left out, since the next one says more."""
        self._held_back.append(event)
        try:
            self.flush()
        except DiskFullError:
            self._held_back = [held for held in self._held_back if not isinstance(held, StepEvent)]
        for listener in self._listeners:
            listener(event)

    def flush(self) -> None:
        """Write what was held back.

        Raises:
            DiskFullError: There is still no room.
        """
        while self._held_back:
            self._log.write(self._held_back[0])
            del self._held_back[0]
