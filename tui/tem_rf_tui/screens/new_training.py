"""The form of a training: one run, or a queue of networks and seeds."""

from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.message import Message

from tem_rf.errors import TemRfError
from tem_rf.jobs.train import TrainRequest, plan_runs
from tem_rf.runs import RunFolder
from tem_rf_tui.screens.request_screen import RequestScreen
from tem_rf_tui.wording import counted
from tem_rf_tui.workspace import DATASET_MARK, Workspace


@dataclass(frozen=True)
class PlannedTraining:
    """Runs to train.

    Attributes:
        runs: Their folders.
        evaluate: Whether their test images are scored after the last epoch.
    """

    runs: list[RunFolder]
    evaluate: bool = False


class NewTrainingScreen(RequestScreen[TrainRequest, PlannedTraining]):
    """Asks for a training; gives back its runs, their folders made.

    Args:
        workspace: Where datasets and runs are.
        dataset: Dataset to begin with.
        networks: Networks to begin with, with commas between.
    """

    AUTO_FOCUS = "#field-network"

    @dataclass
    class Made(Message):
        """The run folders are there."""

        training: PlannedTraining

    @dataclass
    class Refused(Message):
        """They could not be made."""

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
        """Say what would be started."""
        self._checked()

    def on_request_form_changed(self) -> None:
        """Check the whole."""
        if not self._is_making:
            self._checked()

    def action_start(self) -> None:
        """Make the run folders."""
        request = self._checked()
        if request is not None and not self._is_making:
            self._is_making = True
            self.say("checking the dataset")
            self._make(request)

    def on_new_training_screen_made(self, message: Made) -> None:
        """Give the runs back."""
        if self.is_active:  # not left meanwhile
            self.dismiss(message.training)

    def on_new_training_screen_refused(self, message: Refused) -> None:
        """Say why not."""
        self._is_making = False
        self.say(message.reason, is_problem=True)

    def _checked(self) -> TrainRequest | None:
        """What the form asks for, said in words; None, and why, where something is wrong with it."""
        request = self.form.request
        if request is None:
            no_dataset = "There is no prepared dataset here; prepare one on the Data screen."
            has_dataset = bool(self.form.given.get("dataset"))
            self.say(f"✗ {self.form.problem}" if has_dataset else no_dataset, is_problem=True)
            return None
        try:
            count = len(request.architectures) * len(request.seed)
        except TemRfError as error:
            self.form.show_problems({"network": str(error)})
            self.say(f"✗ {error}", is_problem=True)
            return None
        how = "one run" if count == 1 else f"{count} runs, one per GPU, or one on the CPU"
        epochs = counted(request.training.epochs, "epoch")
        self.say(f"{how}, {epochs} each, on {self._workspace.short(request.dataset)}")
        return request

    @work(thread=True, exclusive=True, description="make runs")
    def _make(self, request: TrainRequest) -> None:
        try:
            planned = plan_runs(request)
        except (TemRfError, OSError) as error:
            self.post_message(self.Refused(str(error)))
            return
        if any(one.status == "waiting" or (request.evaluate and not one.run.is_scored) for one in planned):
            self.post_message(self.Made(PlannedTraining([one.run for one in planned], request.evaluate)))
        else:
            nothing = "Each of these runs is finished, being trained or queued already; change a seed or a setting."
            self.post_message(self.Refused(nothing))
