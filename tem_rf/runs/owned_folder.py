"""A folder used by one process at a time (run, study or queue), and the files to watch and control that process."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tem_rf.runs.events import Event, EventLog


@dataclass(frozen=True)
class OwnedFolder:
    """A folder that `tem_rf.runs.process` can claim, watch, control and start.

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
        """`process.json`: the process that works in the folder, is about to start, or was the last to work in it."""
        return self.path / "process.json"

    @property
    def lock_file(self) -> Path:
        """Locked by that process while it runs."""
        return self.path / ".lock"

    @property
    def request_file(self) -> Path:
        """`request.json`: a request to the running process."""
        return self.path / "request.json"

    @property
    def events_file(self) -> Path:
        """`events.jsonl`: the events, append-only."""
        return self.path / "events.jsonl"

    @property
    def log_file(self) -> Path:
        """`log.txt`: output of a detached process."""
        return self.path / "log.txt"

    @property
    def watch_command(self) -> str:
        """Command that shows the progress of the process."""
        raise NotImplementedError

    @property
    def stop_command(self) -> str:
        """Command that stops the process."""
        raise NotImplementedError

    @property
    def start_command(self) -> tuple[str, ...]:
        """Command that starts or resumes the process."""
        raise NotImplementedError

    def events(self) -> Sequence[Event]:
        """All events so far."""
        raise NotImplementedError

    def event_log(self) -> EventLog:
        """The log to append to."""
        return EventLog(self.events_file)

    def remove_leftovers(self) -> None:
        """Remove the incomplete files of killed processes. Only for the process that owns the folder."""
        raise NotImplementedError
