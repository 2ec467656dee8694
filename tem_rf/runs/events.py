"""The events of a run: an append-only file with one versioned JSON object per line."""

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
    """Fields common to all events."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=True, ser_json_inf_nan="strings")

    version: Literal[1] = 1
    time: float = Field(default_factory=time.time, description="Seconds since 1970.")


class StatusEvent(Event):
    """The run or study entered a new state."""

    kind: Literal["status"] = "status"
    state: State
    detail: str = ""


class StepEvent(Event):
    """Progress within an epoch; written at most a few times per second."""

    kind: Literal["step"] = "step"
    epoch: int = Field(description="Current epoch, from 1.")
    step: int = Field(description="Steps completed in this epoch.")
    steps: int = Field(description="Steps per epoch.")
    loss: float = Field(description="Mean cross-entropy of this epoch so far.")
    patches_per_s: float
    input_wait: float = Field(description="Fraction of the time spent waiting for data.")


class EpochEvent(Event):
    """The scores of one epoch."""

    kind: Literal["epoch"] = "epoch"
    epoch: int = Field(description="Epochs completed.")
    epochs: int = Field(description="Epochs requested.")
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
    """A message to the user that does not change the state."""

    kind: Literal["notice"] = "notice"
    message: str


class SampleEvent(Event):
    """`samples.npz` now contains the current segmentations of a few validation patches."""

    kind: Literal["sample"] = "sample"
    epoch: int = Field(description="Epochs completed.")
    patches: int


AnyEvent = Annotated[StatusEvent | StepEvent | EpochEvent | NoticeEvent | SampleEvent, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)

E = TypeVar("E", bound=Event)
Parser = Callable[[bytes], E | None]


class EventLog:
    """Appends events to a file. Each line is written by one call, so readers see complete lines or a torn last one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with storage_errors(path):
            self._mend_torn_line()

    def write(self, event: Event) -> None:
        """Append one event, in full or not at all.

        Raises:
            DiskFullError: The disk is full.
        """
        line = event.model_dump_json().encode() + b"\n"
        with storage_errors(self._path), self._path.open("ab", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            try:
                if file.write(line) < len(line):  # the disk became full within the line
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                file.truncate(before)
                raise

    def _mend_torn_line(self) -> None:
        """End a line that a killed process left incomplete, so that the next event starts on a new line."""
        if not self._path.exists() or self._path.stat().st_size == 0:
            return
        with self._path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")


def parse_event(line: bytes | str) -> AnyEvent | None:
    """Parse one line; None for a torn line or a kind of event from a later version."""
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError:
        return None


def read_events(path: Path) -> list[AnyEvent]:
    """All complete events of a run, oldest first; none if the file does not exist."""
    return read_lines(path, parse_event)


def read_lines(path: Path, parse: Parser[E]) -> list[E]:
    """All complete events of any kind, oldest first; none if the file does not exist."""
    return list(follow_lines(path, 0, parse)[0])


def follow_events(path: Path, start: int) -> tuple[Iterator[AnyEvent], int]:
    """Events of a run appended since byte `start`, and the byte to resume from."""
    return follow_lines(path, start, parse_event)


def follow_lines(path: Path, start: int, parse: Parser[E]) -> tuple[Iterator[E], int]:
    """Events of any kind appended since byte `start`, and the byte to resume from.

    A line that is still being written is left for the next call.

    Args:
        path: File with one event per line; it need not exist yet.
        start: Where to begin [bytes].
        parse: Parses one line; None for a line to skip.
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
    """The epochs in order. An epoch that was repeated after a restart counts once."""
    by_number = {event.epoch: event for event in events if isinstance(event, EpochEvent)}
    return [by_number[number] for number in sorted(by_number)]


def last_status(events: Sequence[Event]) -> StatusEvent | None:
    """The last status event of a run or study; None before the first."""
    return next((event for event in reversed(events) if isinstance(event, StatusEvent)), None)


Listener = Callable[[Event], None]


class EventSink:
    """Writes events and notifies listeners. On a full disk it keeps the events until there is space.

    Args:
        log: Where to write.
        listeners: Called with every event.
    """

    def __init__(self, log: EventLog, *listeners: Listener) -> None:
        self._log, self._listeners = log, listeners
        self._held_back: list[Event] = []

    def emit(self, event: Event) -> None:
        """Report an event. A step that cannot be written is dropped, since the next one supersedes it."""
        self._held_back.append(event)
        try:
            self.flush()
        except DiskFullError:
            self._held_back = [held for held in self._held_back if not isinstance(held, StepEvent)]
        for listener in self._listeners:
            listener(event)

    def flush(self) -> None:
        """Write the events that were kept.

        Raises:
            DiskFullError: The disk is still full.
        """
        while self._held_back:
            self._log.write(self._held_back[0])
            del self._held_back[0]


def kept_epoch(reported: Sequence[EpochEvent], keep: str) -> EpochEvent | None:
    """The epoch whose network is in `model.keras`.

    Args:
        reported: The completed epochs, in order.
        keep: See `TrainingSettings.keep`.
    """
    if keep == "last":
        return reported[-1] if reported else None
    if keep == "smooth" and (best := [event for event in reported if event.is_best]):
        return best[-1]
    return max(reported, key=lambda event: event.validation_hard_dice, default=None)
