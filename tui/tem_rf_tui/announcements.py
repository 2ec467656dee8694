"""A sign in the terminal when something has ended or needs the user: the bell, and a desktop notification."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tem_rf.runs.view import LIVE_STATES, RunView

if TYPE_CHECKING:
    from pathlib import Path

    from tem_rf.study.view import StudyView
    from tem_rf_tui.jobs import Job

BELL = "\x07"
_ENDINGS = {
    "finished": "finished",
    "failed": "failed",
    "stopped": "stopped",
    "killed": "was killed",
    "unreadable": "cannot be read any more",
}


@dataclass(frozen=True)
class Ending:
    """Something that has ended, or that the user has to look at.

    Attributes:
        text: What and how, in words.
        is_bad: Whether it ended without its result.
    """

    text: str
    is_bad: bool


class EndingWatch:
    """Notices which runs and studies have ended since the last look; what had ended before the first is old."""

    def __init__(self) -> None:
        self._states: dict[str, str] | None = None

    def news(self, runs: Iterable[RunView], studies: "Iterable[StudyView]") -> list[Ending]:
        """Return what has ended, or has begun to wait for space on the disk, since the last call."""
        views = {f"run {run.run.name}": run for run in runs} | {f"study {each.study.name}": each for each in studies}
        states = {name: _state(view) for name, view in views.items()}
        before, self._states = self._states, states
        if before is None:
            return []
        return [
            ending
            for name, view in views.items()
            if name in before and before[name] != states[name] and (ending := _ending(name, view, before[name]))
        ]


class AlarmWatch:
    """Notices alarms of jobs that follow folders; those from before the first look are old."""

    def __init__(self) -> None:
        self._seen: set[tuple[Path, str]] | None = None

    def news(self, jobs: "Iterable[Job]") -> list[Ending]:
        """Return the alarms of running jobs since the last call."""
        running = [job for job in jobs if job.state == "running"]
        if self._seen is not None and not running:
            return []
        from tem_rf.inference.alarms import ALARM  # brings NumPy, which the first paint does not need

        found = {(job.folder, line): job for job in running for line in job.messages if line.startswith(ALARM)}
        before, self._seen = self._seen, (self._seen or set()) | found.keys()
        if before is None:
            return []
        return [Ending(f"{job.title}: {key[1]}", is_bad=True) for key, job in found.items() if key not in before]


def escape_sequences(text: str, environment: Mapping[str, str] = os.environ) -> str:
    r"""Return the codes of a desktop notification: OSC 9 (iTerm2, WezTerm, kitty) and OSC 777 (urxvt, foot, VTE).

    Args:
        text: What to show.
        environment: Variables that tell whether tmux has to pass the codes on.

    >>> escape_sequences("run a: finished", {})
    '\x1b]9;run a: finished\x1b\\\x1b]777;notify;tem-rf;run a: finished\x1b\\'
    """
    plain = "".join(each if each.isprintable() and each != ";" else " " for each in text)
    codes = f"\x1b]9;{plain}\x1b\\\x1b]777;notify;tem-rf;{plain}\x1b\\"
    if "TMUX" in environment:
        return f"\x1bPtmux;{codes.replace(chr(27), chr(27) * 2)}\x1b\\"
    return codes


def _state(view: "RunView | StudyView") -> str:
    return "no space" if view.state == "paused" and "disk" in view.detail else view.state


def _ending(name: str, view: "RunView | StudyView", before: str) -> Ending | None:
    if _state(view) == "no space":
        return Ending(f"{name}: waits for space on the disk", True)
    if before not in LIVE_STATES or view.state not in _ENDINGS:
        return None
    why = f": {view.detail}" if view.detail and view.state == "failed" else ""
    return Ending(f"{name}: {_ENDINGS[view.state]}{why}", view.state not in ("finished", "stopped"))
