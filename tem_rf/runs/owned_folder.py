"""A folder that one process works in at a time, and the files by which others see and ask it: run, study or queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tem_rf.runs.events import Event, EventLog


@dataclass(frozen=True)
class OwnedFolder:
    """What `tem_rf.runs.process` claims, watches, asks and starts.

    Attributes:
        path: The folder.
        activity: What its process does, for messages: "training this run".
    """

    path: Path
    activity: ClassVar[str]

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.name

    @property
    def process_file(self) -> Path:
        """`process.json`: the process that works in it, is to begin, or worked in it last."""
        return self.path / "process.json"

    @property
    def lock_file(self) -> Path:
        """Locked by that process, for as long as it lives."""
        return self.path / ".lock"

    @property
    def request_file(self) -> Path:
        """`request.json`: what somebody asks of the running process."""
        return self.path / "request.json"

    @property
    def events_file(self) -> Path:
        """`events.jsonl`: what happened, append-only."""
        return self.path / "events.jsonl"

    @property
    def log_file(self) -> Path:
        """`log.txt`: output of a detached process."""
        return self.path / "log.txt"

    @property
    def watch_command(self) -> str:
        """Command that shows what its process does."""
        raise NotImplementedError

    @property
    def stop_command(self) -> str:
        """Command that ends its process."""
        raise NotImplementedError

    @property
    def start_command(self) -> tuple[str, ...]:
        """Command that starts its process, or lets it go on."""
        raise NotImplementedError

    def events(self) -> Sequence[Event]:
        """All events so far."""
        raise NotImplementedError

    def event_log(self) -> EventLog:
        """The log to append to."""
        return EventLog(self.events_file)

    def remove_leftovers(self) -> None:
        """Remove the half-written files of processes that were killed; for the process that owns the folder."""
        raise NotImplementedError
