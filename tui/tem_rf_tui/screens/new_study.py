"""The form of a study, checked as one types against the datasets it names."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.message import Message
from textual.worker import get_current_worker

from tem_rf.errors import TemRfError
from tem_rf.study.definition.definition import StudyDefinition
from tem_rf.study.definition.space import planned_runs
from tem_rf.study.folder import StudyFolder
from tem_rf_tui.screens.form import FormScreen
from tem_rf_tui.study_request import StudyRequest, define
from tem_rf_tui.widgets.settings_form import SettingsForm
from tem_rf_tui.wording import counted
from tem_rf_tui.workspace import DATASET_MARK, Workspace


class NewStudyScreen(FormScreen[StudyFolder]):
    """Asks for a study; gives back its folder, ready to be run.

    Args:
        workspace: Where datasets and studies are.
        dataset: Dataset to begin with; empty for all of the workspace.
        taken: Names of the studies there are.
    """

    @dataclass
    class Planned(Message):
        """What the study would train, or why it cannot."""

        text: str
        is_problem: bool

    @dataclass
    class Made(Message):
        """The study folder stands."""

        study: StudyFolder

    def __init__(self, workspace: Workspace, dataset: str, taken: Collection[str]) -> None:
        super().__init__("New study")
        self._workspace = workspace
        is_there = bool(dataset) and Path(dataset, DATASET_MARK).is_file()
        datasets = [Path(dataset)] if is_there else workspace.datasets()
        start = StudyRequest(name=_free_name(taken), datasets=",".join(map(workspace.short, datasets)))
        self._form = SettingsForm(start, id="settings")
        self._is_making = False

    def fields(self) -> ComposeResult:
        """What the study is."""
        yield self._form

    def on_mount(self) -> None:
        """Say what would be trained."""
        self.on_settings_form_changed()

    def on_settings_form_changed(self) -> None:
        """Check what was typed."""
        if self._is_making:
            return
        self.workers.cancel_group(self, "study")  # its answer would be about what was typed over
        definition = self._definition()
        if definition is not None:
            self._plan(definition)

    def action_start(self) -> None:
        """Make the study folder."""
        if self._is_making:
            return
        definition, request = self._definition(), self._form.settings
        if definition is not None and request is not None:
            self._is_making = True  # what was typed before is not asked about any more
            self.say("checking the datasets")
            self._make(self._workspace.studies / request.name, definition)

    def on_new_study_screen_planned(self, message: Planned) -> None:
        """Say it."""
        self._is_making = False
        self.say(message.text, is_problem=message.is_problem)

    def on_new_study_screen_made(self, message: Made) -> None:
        """Give the study back."""
        if self.is_active:  # not left meanwhile
            self.dismiss(message.study)

    def _definition(self) -> StudyDefinition | None:
        """What the form says; None, and said, where something is wrong with it."""
        request = self._form.settings
        if request is None:
            self.say(f"✗ {self._form.problem}", is_problem=True)
            return None
        try:
            return define(request, self._workspace.folder)
        except TemRfError as error:
            self.say(f"✗ {error}", is_problem=True)
            return None

    @work(thread=True, exclusive=True, group="study", description="plan a study")
    def _plan(self, definition: StudyDefinition) -> None:
        self._answer(lambda: self.Planned(_plan_text(planned_runs(definition), len(definition.seeds)), False))

    @work(thread=True, exclusive=True, group="study", description="make a study")
    def _make(self, path: Path, definition: StudyDefinition) -> None:
        def make() -> Message:
            planned_runs(definition)  # whatever does not fit is said before a folder is made
            if get_current_worker().is_cancelled:  # the form was left: nothing is to be made
                return self.Planned("", False)
            return self.Made(StudyFolder.create_or_open(path, definition))

        self._answer(make)

    def _answer(self, ask: Callable[[], Message]) -> None:
        """Post an answer, or why there is none; nothing where another question was asked meanwhile."""
        worker = get_current_worker()
        try:
            answer = ask()
        except (TemRfError, OSError) as error:
            answer = self.Planned(f"✗ {error}", True)
        if not worker.is_cancelled:
            self.post_message(answer)


def _plan_text(planned: dict[str, int], seeds: int) -> str:
    """How much a study would train.

    >>> _plan_text({"au-5nm-paper": 12}, 3)
    '12 trainings: 4 networks, 3 seeds each, on au-5nm-paper'
    >>> _plan_text({"au-5nm-paper": 1}, 1)
    '1 training: 1 network, 1 seed each, on au-5nm-paper'
    >>> _plan_text({"au-5nm-paper": 12, "au-20nm-paper": 9}, 3)
    '21 trainings: 3 to 4 networks, 3 seeds each, on 2 datasets'
    """
    networks = sorted({runs // seeds for runs in planned.values()})
    count = " to ".join(map(str, dict.fromkeys((networks[0], networks[-1]))))
    where = next(iter(planned)) if len(planned) == 1 else f"{len(planned)} datasets"
    what = f"{count} {'network' if count == '1' else 'networks'}, {counted(seeds, 'seed')} each, on {where}"
    return f"{counted(sum(planned.values()), 'training')}: {what}"


def _free_name(taken: Collection[str]) -> str:
    return next(name for number in range(1, len(taken) + 2) if (name := f"study-{number}") not in taken)
