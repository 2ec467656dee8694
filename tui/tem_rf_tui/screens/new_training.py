"""The form of a training: one run, or a queue of networks and seeds."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Label, Select

from tem_rf.architecture import Architecture
from tem_rf.config.augmentation import NO_AUGMENTATION, AugmentationSettings
from tem_rf.config.training import DEFAULT_RECIPE, RECIPES, STUDY_SEEDS, TrainingSettings, training_settings
from tem_rf.errors import RunError, TemRfError
from tem_rf.runs import RunFolder
from tem_rf.runs.folder import default_name
from tem_rf.runs.process import is_alive, state
from tem_rf_tui.screens.form import FormScreen
from tem_rf_tui.widgets.field_help import FieldHelp
from tem_rf_tui.widgets.settings_form import SettingsForm
from tem_rf_tui.wording import counted
from tem_rf_tui.workspace import DATASET_MARK, Workspace


@dataclass(frozen=True)
class Training:
    """What the form says.

    Attributes:
        dataset: Dataset folder.
        architectures: Networks to train.
        seeds: Seeds to train each of them with.
        settings: How.
        augmentation: How training patches are changed beyond the eight transforms.
    """

    dataset: Path
    architectures: tuple[Architecture, ...]
    seeds: tuple[int, ...]
    settings: TrainingSettings
    augmentation: AugmentationSettings = NO_AUGMENTATION


class NewTrainingScreen(FormScreen[list[RunFolder]]):
    """Asks for a training; gives back the runs to start, their folders made.

    Args:
        workspace: Where datasets and runs are.
        dataset: Dataset to begin with.
        networks: Networks to begin with, with commas between.
    """

    AUTO_FOCUS = "#networks"

    @dataclass
    class Made(Message):
        """The run folders stand."""

        runs: list[RunFolder]

    @dataclass
    class Refused(Message):
        """They could not be made."""

        reason: str

    def __init__(self, workspace: Workspace, dataset: str, networks: str) -> None:
        super().__init__("New training")
        self._workspace = workspace
        self._is_making = False
        self._datasets = workspace.datasets()
        if Path(dataset) not in self._datasets and Path(dataset, DATASET_MARK).is_file():
            self._datasets.insert(0, Path(dataset))
        self._dataset, self._networks, self._recipe = dataset, networks, DEFAULT_RECIPE

    def fields(self) -> ComposeResult:
        """Dataset, networks, seeds and recipe, settings, augmentation."""
        with Horizontal(classes="field"):
            yield Label("dataset", classes="field-name")
            yield self._dataset_field()
            yield FieldHelp("Prepared dataset.")
        with Horizontal(classes="field"):
            yield Label("networks", classes="field-name")
            yield Input(self._networks, compact=True, id="networks")
            yield FieldHelp("Names with commas between: n2-p44,n3-p222.", id="networks-help")
        with Horizontal(classes="field"):
            yield Label("seeds", classes="field-name")
            yield Input(str(STUDY_SEEDS[0]), compact=True, id="seeds")
            yield FieldHelp(f"Those of the study: {','.join(map(str, STUDY_SEEDS))}.", id="seeds-help")
        with Horizontal(classes="field"):
            yield Label("recipe", classes="field-name")
            yield Select(
                [(name, name) for name in RECIPES], value=self._recipe, allow_blank=False, compact=True, id="recipe"
            )
            yield FieldHelp("Fills the fields below.")
        with VerticalScroll(id="all-settings", can_focus=False):
            yield SettingsForm(training_settings(), leave_out=("recipe",), id="settings")
            yield Label("Augmentation of training patches; off as it stands here", id="augmentation-title")
            yield SettingsForm(NO_AUGMENTATION, id="augmentation")

    def on_mount(self) -> None:
        """Say what would be started."""
        self._check()

    def on_input_changed(self) -> None:
        """Check what was typed."""
        self._check()

    def on_select_changed(self, event: Select.Changed) -> None:
        """Check what was chosen; another recipe fills the fields."""
        if event.select.id == "recipe" and event.value != self._recipe:
            self._recipe = str(event.value)
            self._form.fill(training_settings(self._recipe))
        self._check()

    def on_settings_form_changed(self) -> None:
        """Check the whole."""
        self._check()

    def action_start(self) -> None:
        """Make the run folders."""
        training = self._training()
        if training is not None and not self._is_making:
            self._is_making = True
            self.say("checking the dataset")
            self._make(training)

    def on_new_training_screen_made(self, message: Made) -> None:
        """Give the runs back."""
        if self.is_active:  # not left meanwhile
            self.dismiss(message.runs)

    def on_new_training_screen_refused(self, message: Refused) -> None:
        """Say why not."""
        self._is_making = False
        self.say(message.reason, is_problem=True)

    @property
    def _form(self) -> SettingsForm[TrainingSettings]:
        return cast("SettingsForm[TrainingSettings]", self.query_one("#settings", SettingsForm))

    @property
    def _augmentation(self) -> SettingsForm[AugmentationSettings]:
        return cast("SettingsForm[AugmentationSettings]", self.query_one("#augmentation", SettingsForm))

    def _dataset_field(self) -> Select[Path]:
        options = [(self._workspace.short(path), path) for path in self._datasets]
        chosen = Path(self._dataset) if Path(self._dataset) in self._datasets else None
        chosen = chosen or (self._datasets[0] if self._datasets else None)
        if chosen is None:
            return Select(options, prompt="no prepared dataset here", compact=True, id="dataset")
        return Select(options, value=chosen, allow_blank=False, compact=True, id="dataset")

    def _training(self) -> Training | None:
        dataset = self.query_one("#dataset", Select).value
        architectures, network_problem = _architectures(self.query_one("#networks", Input).value)
        seeds, seed_problem = _seeds(self.query_one("#seeds", Input).value)
        self.query_one("#networks-help", FieldHelp).show_problem(network_problem)
        self.query_one("#seeds-help", FieldHelp).show_problem(seed_problem)
        settings, augmentation = self._form.settings, self._augmentation.settings
        if not isinstance(dataset, Path):
            self.say("There is no prepared dataset here; prepare one on the Data screen.", is_problem=True)
            return None
        if not architectures or not seeds or settings is None or augmentation is None:
            problem = network_problem or seed_problem or self._form.problem or self._augmentation.problem
            self.say(f"✗ {problem}", is_problem=True)
            return None
        settings = settings.model_copy(update={"recipe": self._recipe})
        return Training(dataset, architectures, seeds, settings, augmentation)

    def _check(self) -> None:
        training = self._training()
        if training is None:
            return
        count = len(training.architectures) * len(training.seeds)
        how = "one run" if count == 1 else f"{count} runs, one after the other"
        epochs = counted(training.settings.epochs, "epoch")
        self.say(f"{how}, {epochs} each, on {self._workspace.short(training.dataset)}")

    @work(thread=True, exclusive=True, description="make runs")
    def _make(self, training: Training) -> None:
        try:
            self.post_message(self.Made(make_runs(training, self._workspace.runs)))
        except (TemRfError, OSError) as error:
            self.post_message(self.Refused(str(error)))


def make_runs(training: Training, root: Path) -> list[RunFolder]:
    """Make the folders of runs that can start; those that are finished, trained or queued already are left out.

    Raises:
        DatasetError: The dataset cannot be used by one of the networks.
        RunError: A run of the same name has other settings; all of them are trained already.
        StorageError: The folder of the runs cannot be written to.
    """
    from tem_rf.runs.dataset import configure_run

    configs = [
        configure_run(training.dataset, architecture, training.settings, seed, training.augmentation)
        for architecture in training.architectures
        for seed in training.seeds
    ]
    runs = [RunFolder.create_or_open(root / default_name(config), config) for config in configs]
    waiting = [run for run in runs if not is_alive(run) and state(run) not in ("finished", "queued")]
    if not waiting:
        raise RunError("Each of these runs is finished, being trained or queued already; change a seed or a setting.")
    return waiting


def _architectures(text: str) -> tuple[tuple[Architecture, ...], str]:
    try:
        return tuple(Architecture.from_name(name.strip()) for name in text.split(",")), ""
    except TemRfError as error:
        return (), str(error)


def _seeds(text: str) -> tuple[tuple[int, ...], str]:
    try:
        return tuple(int(seed) for seed in text.split(",")), ""
    except ValueError:
        return (), f"expected whole numbers with commas between, received {text!r}"
