"""The form of a study, checked against its datasets while you type."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label
from textual.worker import get_current_worker

from tem_rf.errors import TemRfError
from tem_rf.jobs.study import StudyRequest, define
from tem_rf.study.definition.definition import StudyDefinition
from tem_rf.study.definition.space import Candidates, count_candidates, planned_runs
from tem_rf.study.folder import StudyFolder
from tem_rf_tui.screens.new_training import NO_DATASETS
from tem_rf_tui.screens.request_screen import RequestScreen
from tem_rf_tui.widgets.field_help import FieldHelp
from tem_rf_tui.wording import counted
from tem_rf_tui.workspace import DATASET_MARK, Workspace

_NAME = re.compile(r"[\w.+-]+")


class NewStudyScreen(RequestScreen[StudyRequest, StudyFolder]):
    """Asks for a study; returns its folder, ready to run.

    Args:
        workspace: Folder of the datasets and studies.
        dataset: Initial dataset; empty for all in the workspace.
        taken: Names of the existing studies.
    """

    @dataclass
    class Planned(Message):
        """The planned runs of the study, or the reason why there are none."""

        text: str
        is_problem: bool

    @dataclass
    class Made(Message):
        """The study folder was created."""

        study: StudyFolder

    def __init__(self, workspace: Workspace, dataset: str, taken: Collection[str]) -> None:
        is_there = bool(dataset) and Path(dataset, DATASET_MARK).is_file()
        datasets = [Path(dataset)] if is_there else workspace.datasets()
        super().__init__("New study", StudyRequest, start={"datasets": tuple(map(workspace.short, datasets))})
        self._workspace = workspace
        self._name = _free_name(taken)
        self._is_making = False

    def fields(self) -> ComposeResult:
        """Yield the name and the settings of the study."""
        with Horizontal(classes="field"):
            yield Label("name", classes="field-name")
            yield Input(self._name, compact=True, id="study-name")
            yield FieldHelp("Name of the study and its folder in studies/.")
        yield from super().fields()

    def on_mount(self) -> None:
        """Show the planned runs."""
        self.on_request_form_changed()

    def on_input_changed(self) -> None:
        """Check the name."""
        self.on_request_form_changed()

    def on_request_form_changed(self) -> None:
        """Check the input."""
        if self._is_making:
            return
        self.workers.cancel_group(self, "study")  # its answer would be about outdated input
        definition = self._definition()
        if definition is not None:
            self._plan(definition)

    def action_start(self) -> None:
        """Create the study folder."""
        if self._is_making:
            return
        definition = self._definition()
        if definition is not None:
            self._is_making = True  # earlier input is no longer checked
            self.say("Checking the datasets …")
            self._make(self._workspace.studies / self._typed_name, definition)

    def on_new_study_screen_planned(self, message: Planned) -> None:
        """Show the plan."""
        self._is_making = False
        self.say(message.text, is_problem=message.is_problem)

    def on_new_study_screen_made(self, message: Made) -> None:
        """Return the study."""
        if self.is_active:  # not closed meanwhile
            self.dismiss(message.study)

    @property
    def _typed_name(self) -> str:
        return self.query_one("#study-name", Input).value.strip()

    def _definition(self) -> StudyDefinition | None:
        """Return the definition in the form; show the problem and return None if it is invalid."""
        problem = "" if _NAME.fullmatch(self._typed_name) else "name: only letters, digits and . _ + - are allowed."
        request = self.form.request
        if request is None and not problem:
            problem = self.form.problem if self.form.given.get("datasets") else NO_DATASETS
        if problem or request is None:
            self.say(f"✗ {problem}", is_problem=True)
            return None
        datasets = tuple(self._workspace.folder / path for path in request.datasets)
        try:
            return define(request.model_copy(update={"datasets": datasets}))
        except TemRfError as error:
            self.say(f"✗ {str(error).removeprefix('study: ')}", is_problem=True)
            return None

    @work(thread=True, exclusive=True, group="study", description="plan a study")
    def _plan(self, definition: StudyDefinition) -> None:
        def plan() -> Message:
            text = _plan_text(planned_runs(definition), len(definition.seeds), count_candidates(definition))
            return self.Planned(text, False)

        self._answer(plan)

    @work(thread=True, exclusive=True, group="study", description="create a study")
    def _make(self, path: Path, definition: StudyDefinition) -> None:
        def make() -> Message:
            planned_runs(definition)  # report problems before the folder is created
            if get_current_worker().is_cancelled:  # the form was closed: create nothing
                return self.Planned("", False)
            return self.Made(StudyFolder.create_or_open(path, definition))

        self._answer(make)

    def _answer(self, ask: Callable[[], Message]) -> None:
        """Post the answer or the error, unless the request was replaced meanwhile."""
        worker = get_current_worker()
        try:
            answer = ask()
        except (TemRfError, OSError) as error:
            answer = self.Planned(f"✗ {error}", True)
        if not worker.is_cancelled:
            self.post_message(answer)


def _plan_text(planned: dict[str, int], seeds: int, candidates: dict[str, Candidates]) -> str:
    """Return the planned runs of a study in words, and how many networks of the space they are.

    >>> _plan_text({"au-5nm-paper": 12}, 3, {"au-5nm-paper": Candidates({2: 1, 3: 3}, 5)})
    '12 runs: 4 networks (depth 2: 1, depth 3: 3; 1 more does not fit), 3 seeds each, on au-5nm-paper'
    >>> _plan_text({"au-5nm-paper": 1}, 1, {"au-5nm-paper": Candidates({2: 7, 3: 13}, 20)})
    '1 run: 1 of 20 networks (depth 2: 7, depth 3: 13), 1 seed each, on au-5nm-paper'
    >>> _plan_text({"a": 12, "b": 9}, 3, {"a": Candidates({2: 4}, 4), "b": Candidates({2: 3}, 4)})
    '21 runs: 3 to 4 networks, 3 seeds each, on 2 datasets'
    """
    networks = sorted({runs // seeds for runs in planned.values()})
    count = " to ".join(map(str, dict.fromkeys((networks[0], networks[-1]))))
    where = next(iter(planned)) if len(planned) == 1 else f"{len(planned)} datasets"
    what = f"{count} {'network' if count == '1' else 'networks'}"
    if len(planned) == 1:
        (fitting,) = candidates.values()
        total, left_out = sum(fitting.by_depth.values()), fitting.all - sum(fitting.by_depth.values())
        how = ", ".join(f"depth {depth}: {number}" for depth, number in fitting.by_depth.items())
        if left_out:
            how += f"; {left_out} more {'does' if left_out == 1 else 'do'} not fit"
        what = f"{count} of {counted(total, 'network')} ({how})" if total > networks[0] else f"{what} ({how})"
    return f"{counted(sum(planned.values()), 'run')}: {what}, {counted(seeds, 'seed')} each, on {where}"


def _free_name(taken: Collection[str]) -> str:
    return next(name for number in range(1, len(taken) + 2) if (name := f"study-{number}") not in taken)
