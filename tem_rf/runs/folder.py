"""A run folder and the files inside it."""

import hashlib
import re
import shlex
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tem_rf.errors import RunError, SettingsError
from tem_rf.files import parse_json, remove_leftovers, write_json
from tem_rf.runs.config import SCHEMA_VERSION, RunConfig, differences
from tem_rf.runs.events import AnyEvent, read_events
from tem_rf.runs.owned_folder import OwnedFolder


@dataclass(frozen=True)
class RunFolder(OwnedFolder):
    """The folder of one training. Every file in it can be opened with other tools.

    Attributes:
        path: The folder, `runs/NAME`.
    """

    activity = "training this run"

    @property
    def config_file(self) -> Path:
        """`config.json`: everything needed to repeat the run."""
        return self.path / "config.json"

    @property
    def environment_file(self) -> Path:
        """`environment.json`: machine and package versions of the last start."""
        return self.path / "environment.json"

    @property
    def checkpoint_folder(self) -> Path:
        """`checkpoint/`: the last two checkpoints of the training."""
        return self.path / "checkpoint"

    @property
    def model_file(self) -> Path:
        """`model.keras`: the network with the best validation hard dice so far."""
        return self.path / "model.keras"

    @property
    def start_file(self) -> Path:
        """`start.keras`: the weights that the training starts from, where those are of a trained model."""
        return self.path / "start.keras"

    @property
    def network_sha256(self) -> str | None:
        """SHA-256 of `model.keras`; None if it does not exist yet."""
        with suppress(FileNotFoundError):
            return hashlib.sha256(self.model_file.read_bytes()).hexdigest()
        return None

    @property
    def samples_file(self) -> Path:
        """`samples.npz`: a few validation patches, their labels and their segmentations after one epoch."""
        return self.path / "samples.npz"

    @property
    def tensorboard_folder(self) -> Path:
        """`tensorboard/`: the epochs in TensorBoard format, if this folder was created for them."""
        return self.path / "tensorboard"

    @property
    def scores_file(self) -> Path:
        """`scores.csv`: one row per test image."""
        return self.path / "scores.csv"

    @property
    def masks_file(self) -> Path:
        """`masks.tif`: the segmentation of each test image, in the order of `scores.csv`."""
        return self.path / "masks.tif"

    @property
    def calibration_file(self) -> Path:
        """`calibration.json`: the temperature of the network, and the reliability of its probabilities."""
        return self.path / "calibration.json"

    @property
    def notes_file(self) -> Path:
        """`notes.json`: note and tags of the user."""
        return self.path / "notes.json"

    @property
    def is_scored(self) -> bool:
        """Whether the current network is scored: `forget_scores` is called before the network changes."""
        return self.model_file.exists() and self.scores_file.exists()

    @property
    def watch_command(self) -> str:
        """Command that shows the progress of the training."""
        return f"tem-rf watch {shlex.quote(str(self.path))}"

    @property
    def stop_command(self) -> str:
        """Command that stops the training after the current step."""
        return f"tem-rf stop {shlex.quote(str(self.path))}"

    @property
    def start_command(self) -> tuple[str, ...]:
        """Command that resumes the training."""
        return (sys.executable, "-m", "tem_rf", "resume", str(self.path))

    @property
    def config(self) -> RunConfig:
        """The configuration: network, dataset and training settings.

        Raises:
            RunError: The folder contains no run, one of another schema version, or an invalid configuration.
        """
        content = read_run_json(self.config_file)
        if content.get("schema_version") != SCHEMA_VERSION:
            raise RunError(
                f"{self.config_file}: schema version {content.get('schema_version')!r}, this version of tem-rf reads "
                f"{SCHEMA_VERSION}; use the version of tem-rf that created the run, or train again."
            )
        try:
            return RunConfig.from_json(content)
        except SettingsError as error:
            raise RunError(f"{self.config_file}: {error} Restore it or train again under another name.") from error

    def events(self) -> list[AnyEvent]:
        """All events so far."""
        return read_events(self.events_file)

    def forget_scores(self) -> None:
        """Remove the scores, masks and temperature of a network that is about to be replaced.

        File times would show which is newer, too, but not after the run is copied without them.
        """
        for file in (self.scores_file, self.masks_file, self.calibration_file):
            file.unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Remove the incomplete files of killed processes. Only for the process that owns the run."""
        for file in (self.model_file, self.start_file, self.samples_file, self.environment_file, self.process_file):
            remove_leftovers(self.path, file.name)
        remove_leftovers(self.checkpoint_folder, "*.npz")

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing run.

        Raises:
            RunError: The folder contains no run, one of another schema version, or an invalid configuration.
        """
        run = cls(Path(path))
        _ = run.config
        return run

    @classmethod
    def create_or_open(cls, path: Path, config: RunConfig) -> Self:
        """Open the run of this configuration, or create it; save the new paths if its dataset or model was moved.

        Raises:
            RunError: The folder contains a run of another configuration, or something else.
        """
        run = cls(Path(path))
        if run.config_file.exists():
            changed = differences(run.config, config)
            if changed and set(changed) <= {"dataset", "start.path"}:  # the same ones, by their fingerprints
                write_json(run.config_file, config.to_json())
            elif changed:
                place, (before, now) = next(iter(changed.items()))
                raise RunError(
                    f"{path}: contains a run with {place} {before}, received {now}; "
                    "choose another `name`, or give the same settings to continue it."
                )
            return run
        if run.path.exists() and any(run.path.iterdir()):
            raise RunError(f"{path}: is not empty and contains no run; choose another `name`.")
        write_json(run.config_file, config.to_json())
        return run


def default_name(config: RunConfig) -> str:
    """Name of a run if the user gives none: dataset, architecture, recipe, model, augmentation, fold, seed."""
    dataset = dataset_in_names(config.dataset)
    start = "" if config.start is None else f"-from-{_in_names(config.start.name)}"
    augmented = "" if config.augmentation.is_off else "-augmented"
    fold = "" if config.fold is None else f"-fold{config.fold.number}of{config.fold.folds}"
    return f"{dataset}-{config.architecture.name}-{config.training.recipe}{start}{augmented}{fold}-s{config.seed}"


def dataset_in_names(dataset: Path) -> str:
    """Name of a dataset for use in run names."""
    return _in_names(dataset.name)


def _in_names(text: str) -> str:
    """Replace spaces and characters special to a shell by hyphens."""
    return re.sub(r"[^\w.]+", "-", text)


def read_run_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of a run.

    Raises:
        RunError: It does not exist, cannot be read or contains no JSON object.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path.parent}: contains no run ({path.name} is missing); see `tem-rf runs`.") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error}); restore it or train again under another name.") from error
    if not isinstance(content, dict):
        raise RunError(f"{path}: expected a JSON object, received {type(content).__name__}.")
    return content
