"""The form of a training: one run, or several for a list of networks and seeds."""

from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.message import Message

from tem_rf.errors import TemRfError
from tem_rf.jobs.launch import Launched, plan_in_other_process
from tem_rf.jobs.train import TrainRequest, plan_runs
from tem_rf.runs import RunFolder
from tem_rf_tui.screens.request_screen import RequestScreen
from tem_rf_tui.wording import counted
from tem_rf_tui.workspace import DATASET_MARK, Workspace

NO_DATASETS = "No dataset is given; prepare one on the Data screen."


@dataclass(frozen=True)
class PlannedTraining:
    """Runs to train.

    Attributes:
        runs: The run folders.
        evaluate: Whether to evaluate the test images after the last epoch.
        launched: Their status, if they are in the queue already.
    """

    runs: list[RunFolder]
    evaluate: bool = False
    launched: tuple[Launched, ...] = ()


class NewTrainingScreen(RequestScreen[TrainRequest, PlannedTraining]):
    """Asks for a training; creates and returns its runs.

    Args:
        workspace: Folder of the datasets and runs.
        dataset: Initial dataset.
        networks: Initial networks, separated by commas.
    """

    AUTO_FOCUS = "#field-network"

    @dataclass
    class Made(Message):
        """The run folders were created."""

        training: PlannedTraining

    @dataclass
    class Refused(Message):
        """The run folders could not be created."""

        reason: str

    def __init__(self, workspace: Workspace, dataset: str, networks: str) -> None:
        datasets = workspace.datasets()
        if Path(dataset) not in datasets and Path(dataset, DATASET_MARK).is_file():
            datasets.insert(0, Path(dataset))
        chosen = dataset if Path(dataset) in datasets else next(map(str, datasets), "")
        super().__init__(
            "New training",
            TrainRequest,
            start={"dataset": chosen, "network": networks},
            fixed={"runs": workspace.runs},
            choices={"dataset": [(workspace.short(path), str(path)) for path in datasets]},
        )
        self._workspace = workspace
        self._is_making = False

    def on_mount(self) -> None:
        """Show what would be started."""
        self._checked()

    def on_request_form_changed(self) -> None:
        """Check the input."""
        if not self._is_making:
            self._checked()

    def action_start(self) -> None:
        """Create the run folders."""
        request = self._checked()
        if request is not None and not self._is_making:
            self._is_making = True
            self.say("Checking the dataset …")
            self._make(request)

    def on_new_training_screen_made(self, message: Made) -> None:
        """Return the runs."""
        if self.is_active:  # not closed meanwhile
            self.dismiss(message.training)

    def on_new_training_screen_refused(self, message: Refused) -> None:
        """Show the error."""
        self._is_making = False
        self.say(f"✗ {message.reason}", is_problem=True)

    def _checked(self) -> TrainRequest | None:
        """Return the request and show it in words; show the problem and return None if it is invalid."""
        request = self.form.request
        if request is None:
            problem = self.form.problem if self.form.given.get("dataset") else NO_DATASETS
            self.say(f"✗ {problem}", is_problem=True)
            return None
        try:
            count = request.run_count
        except TemRfError as error:
            self.form.show_problems({"network": str(error)})
            self.say(f"✗ {error}", is_problem=True)
            return None
        how = "one run" if count == 1 else f"{count} runs, one per GPU, or one on the CPU"
        epochs = counted(request.training.epochs, "epoch")
        each = "" if count == 1 else " each"
        self.say(f"{how}, {epochs}{each}, on {self._workspace.short(request.dataset)}")
        return request

    @work(thread=True, exclusive=True, description="create runs")
    def _make(self, request: TrainRequest) -> None:
        try:
            if request.start_from is not None:
                launched = tuple(plan_in_other_process(request))
                training = PlannedTraining([one.run for one in launched], request.evaluate, launched)
                self.post_message(self.Made(training))
                return
            planned = plan_runs(request)
        except (TemRfError, OSError) as error:
            self.post_message(self.Refused(str(error)))
            return
        if any(one.status == "waiting" or (request.evaluate and not one.run.is_scored) for one in planned):
            self.post_message(self.Made(PlannedTraining([one.run for one in planned], request.evaluate)))
        else:
            nothing = "All of these runs are already finished, training or queued; change a seed or a setting."
            self.post_message(self.Refused(nothing))
