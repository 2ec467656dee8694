"""Base of the screens that also show the runs of studies."""

import time
from dataclasses import dataclass

from textual import work
from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from tem_rf.runs.view import RunView
from tem_rf_tui.results import StudyRuns
from tem_rf_tui.screens.base import TabScreen

_WATCH_INTERVAL_S = 2.0


class StudyRunsScreen(TabScreen):
    """Follows the runs of all studies, once `watch_studies` was called.

    Attributes:
        study_runs: The runs, by the name of their study.
        has_read_studies: Whether they were read; before that, an empty dict does not mean that there are none.
    """

    @dataclass
    class StudyRunsChanged(Message):
        """At least one run of a study has changed."""

        runs: dict[str, list[RunView]]

    def __init__(self) -> None:
        super().__init__()
        self.study_runs: dict[str, list[RunView]] = {}
        self.has_read_studies = False

    def on_study_runs_screen_study_runs_changed(self, message: StudyRunsChanged) -> None:
        """Show the runs of studies."""
        self.study_runs, self.has_read_studies = message.runs, True
        self.show_runs()

    @work(thread=True, exclusive=True, group="studies", description="runs of studies")
    def watch_studies(self) -> None:
        """Check the runs of studies every few seconds while the tab is open."""
        worker, studies = get_current_worker(), StudyRuns(self.tem_rf.workspace.studies)
        runs: dict[str, list[RunView]] | None = None
        while not worker.is_cancelled:
            if isinstance(self.parent, Widget) and self.parent.display:
                now = studies.poll()
                if now != runs and not worker.is_cancelled:
                    runs = now
                    self.post_message(self.StudyRunsChanged(runs))
            time.sleep(_WATCH_INTERVAL_S)
