"""Jobs that the app starts: processes in their own session, found again when the app is reopened."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tem_rf.errors import RunError, StorageError
from tem_rf.files import write_json
from tem_rf.platforms import end_session, require_sessions
from tem_rf.runs.process import has_ended

JobState = Literal["running", "done", "failed", "lost"]
_KEPT_JOBS = 30
_TERMINATED = 128 + signal.SIGTERM  # exit code of the shell for a command that was asked to end
# The shell outlives the app and a request to end, so it records the exit code of the command.
_NOTE_EXIT_CODE = 'trap : TERM; "$@"; code=$?; echo "$code" > "$JOB_CODE.part"; mv "$JOB_CODE.part" "$JOB_CODE"'
_CONTROL = re.compile(r"\x1b\[[0-9;?]*([A-Za-z]|$)")  # the last one may be cut off, where the disk is full
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # of a file name, for instance; they would garble the screen
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "  # of rich, standing still by the time it is shown
_COUNT = re.compile(r"(\d+)/(\d+)")


class _Description(BaseModel):
    model_config = ConfigDict(extra="ignore")

    title: str
    workspace: str
    started: float
    pid: int
    create_time: float
    ending: str = "done"


@dataclass(frozen=True)
class Job:
    """The state of a job at one moment.

    Attributes:
        folder: Folder with its output, error output and exit code.
        title: What it does, in words.
        state: `lost` if its process was terminated, or no longer exists and left no exit code.
        line: Last line of its progress.
        fraction: Completed fraction, if it reports one.
        started: Start time [s since 1970].
        process_id: Process that leads its session.
        ending: What to say when it has succeeded, such as "launched" for a command that only starts another process.
        output_bytes: How much it has printed.
    """

    folder: Path
    title: str
    state: JobState
    line: str
    fraction: float | None
    started: float
    process_id: int
    ending: str = "done"
    output_bytes: int = 0

    @property
    def messages(self) -> list[str]:
        """Its output on stderr, without overwritten lines."""
        return _lines(self.folder / "progress.txt")

    @property
    def report(self) -> list[str]:
        """Its output for people; empty if it printed JSON, at its end or a line per result."""
        lines = [] if self.result() is not None else _lines(self.folder / "output.txt")
        return [] if lines and lines[0].startswith("{") else lines

    def result(self) -> Any:
        """The JSON it printed; None if there is none."""
        try:
            return json.loads((self.folder / "output.txt").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def cancel(self) -> None:
        """Stop the command and its child processes, like Ctrl-C.

        Raises:
            RunError: The job has already ended.
        """
        if self.state != "running":
            raise RunError(f"{self.title}: has already ended ({self.state}).")
        end_session(self.process_id, at_once=False)


class JobBoard:
    """Starts jobs and tracks them.

    Args:
        folder: Folder that contains the job folders.
        workspace: Folder in which the commands run; jobs of other workspaces are ignored.
    """

    def __init__(self, folder: Path, workspace: Path) -> None:
        self._folder = folder
        self._workspace = workspace

    def start(self, title: str, arguments: Sequence[str], ending: str = "done") -> Path:
        """Start `tem-rf ARGUMENTS`.

        Args:
            title: What it does, in words.
            arguments: Arguments of the command.
            ending: What to say when it has succeeded.

        Raises:
            PlatformError: Processes cannot survive the terminal on this system (Windows).
            StorageError: Its output cannot be written.
        """
        return self._start(title, [sys.executable, "-m", "tem_rf", *arguments], ending)

    def poll(self) -> list[Job]:
        """Return the jobs of this workspace, newest first."""
        try:
            folders = [path for path in self._folder.iterdir() if path.is_dir()]
        except OSError:
            return []
        jobs = [job for folder in folders if (job := self._read(folder))]
        return sorted(jobs, key=lambda job: -job.started)

    def forget_old(self) -> None:
        """Remove the folders of old jobs that have ended."""
        for job in [job for job in self.poll() if job.state != "running"][_KEPT_JOBS:]:
            shutil.rmtree(job.folder, ignore_errors=True)

    def _start(self, title: str, command: Sequence[str], ending: str) -> Path:
        import psutil

        require_sessions(title)
        folder = self._folder / f"{time.time_ns()}"
        try:
            folder.mkdir(parents=True)
            output, progress = (folder / "output.txt").open("wb"), (folder / "progress.txt").open("wb")
        except OSError as error:
            raise StorageError(
                f"{folder}: cannot be written ({error.strerror}), so nothing was started; "
                "set XDG_STATE_HOME to a writable folder."
            ) from error
        with output, progress:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _NOTE_EXIT_CODE, "job", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=progress,
                cwd=self._workspace,
                start_new_session=True,
                env={
                    **os.environ,
                    "JOB_CODE": str(folder / "code.txt"),
                    "PYTHONUNBUFFERED": "1",
                    "TTY_COMPATIBLE": "1",  # rich draws progress bars as in a terminal; progress is read from them
                    "COLUMNS": "300",  # the step is one line; the job line cuts it
                },
            )
        threading.Thread(target=process.wait, daemon=True).start()  # otherwise a zombie remains, which looks alive
        description = _Description(
            title=title,
            workspace=str(self._workspace),
            started=time.time(),
            pid=process.pid,
            create_time=psutil.Process(process.pid).create_time(),
            ending=ending,
        )
        write_json(folder / "job.json", description.model_dump())
        return folder

    def _read(self, folder: Path) -> Job | None:
        try:
            content = json.loads((folder / "job.json").read_text(encoding="utf-8"))
            about = _Description.model_validate(content)
        except (OSError, ValueError, ValidationError):
            return None
        if about.workspace != str(self._workspace):
            return None
        line = (_lines(folder / "progress.txt", last_bytes=2000) or [""])[-1].lstrip(_SPINNER)
        count = _COUNT.search(line)
        fraction = int(count[1]) / max(1, int(count[2])) if count else None
        return Job(
            folder=folder,
            title=about.title,
            state=_state(folder, about),
            line=line,
            fraction=fraction,
            started=about.started,
            process_id=about.pid,
            ending=about.ending,
            output_bytes=_size(folder / "output.txt"),
        )


def _state(folder: Path, about: _Description) -> JobState:
    try:
        code = int((folder / "code.txt").read_text())
        return "done" if code == 0 else "lost" if code == _TERMINATED else "failed"
    except (OSError, ValueError):
        return "lost" if has_ended(about.pid, about.create_time) else "running"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _lines(path: Path, last_bytes: int = 100_000) -> list[str]:
    """Return the lines a terminal would finally show, without control codes and overwritten lines."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - last_bytes))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    shown = [_CONTROL.sub("", line).rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
    shown = [_UNPRINTABLE.sub("", line) for line in shown]
    return [line for line in shown if line]
