"""What workers and screens tell the app; only handlers change what is shown."""

from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from tem_rf.runs.view import RunView
from tem_rf_tui.jobs import Job


@dataclass
class RunsChanged(Message):
    """At least one run is not what it was; a burst of events arrives as one message."""

    runs: list[RunView]


@dataclass
class JobsChanged(Message):
    """At least one command is not where it was."""

    jobs: list[Job]


@dataclass
class DatasetChosen(Message):
    """The dataset that the next training takes."""

    folder: Path


@dataclass
class NetworksChosen(Message):
    """The networks that the next training takes."""

    names: list[str]
