"""Messages from workers and screens to the app; only handlers change the display."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from tem_rf.runs.load import MachineLoad
from tem_rf.runs.view import RunView
from tem_rf_tui.announcements import Ending
from tem_rf_tui.jobs import Job

if TYPE_CHECKING:
    from tem_rf.jobs.edit_label import EditRequest


@dataclass
class RunsChanged(Message):
    """At least one run has changed; a burst of events arrives as one message."""

    runs: list[RunView]


@dataclass
class JobsChanged(Message):
    """At least one job has changed."""

    jobs: list[Job]


@dataclass
class DatasetChosen(Message):
    """The dataset for the next training."""

    folder: Path


@dataclass
class NetworksChosen(Message):
    """The networks for the next training."""

    names: list[str]


@dataclass
class CurvesRequested(Message):
    """Runs of studies whose curves are to be drawn on top of each other."""

    runs: list[Path]


@dataclass
class EditRequested(Message):
    """A label to open in the editor."""

    request: "EditRequest"


@dataclass
class SegmentRequested(Message):
    """Micrographs to segment, a file or a folder; their pixel size [nm], if it is known, to select a model."""

    images: Path
    pixel_size_nm: float | None = None


@dataclass
class LoadRead(Message):
    """The load of the machine was read."""

    load: MachineLoad


@dataclass
class Ended(Message):
    """Runs or studies have ended, or wait for space on the disk, or a followed folder gave an alarm."""

    endings: list[Ending]
