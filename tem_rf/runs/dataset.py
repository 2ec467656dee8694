"""The training data of a run, checked against its configuration before training starts."""

from pathlib import Path

from pydantic import ValidationError

from tem_rf.architecture import Architecture
from tem_rf.config.augmentation import NO_AUGMENTATION, AugmentationSettings
from tem_rf.config.preparation import PIXEL_SIZE_TOLERANCE, PreprocessingSettings
from tem_rf.config.training import TrainingSettings, settings_error
from tem_rf.data.patch_augmentation import counts_of_sources, noise_of_sources
from tem_rf.data.prepared import PreparedDataset, open_dataset
from tem_rf.errors import DatasetError
from tem_rf.runs.config import Ancestor, RunConfig


def configure_run(
    dataset: Path,
    architecture: Architecture,
    training: TrainingSettings,
    seed: int,
    augmentation: AugmentationSettings = NO_AUGMENTATION,
    start: Ancestor | None = None,
) -> RunConfig:
    """Build the configuration of a run and check that the run can start.

    Raises:
        DatasetError: The dataset cannot be used, lacks a split or what augmentation needs, its patches do not fit
            the architecture, or it was not prepared as the model that the run starts from expects.
        SettingsError: The seed is out of range.
    """
    opened = open_dataset(dataset)
    _check(opened, architecture, augmentation)
    if start is not None:
        _check_start(opened, start)
    try:
        return RunConfig(
            dataset=dataset.resolve(),
            dataset_sha256=opened.fingerprint,
            pixel_size_nm=opened.manifest.pixel_size_nm,
            preprocessing=PreprocessingSettings.model_validate(
                opened.manifest.settings.model_dump(include=set(PreprocessingSettings.model_fields))
            ),
            architecture=architecture,
            training=training,
            augmentation=augmentation,
            start=start,
            seed=seed,
        )
    except ValidationError as error:
        raise settings_error(error, RunConfig) from error


def _check_start(dataset: PreparedDataset, start: Ancestor) -> None:
    """Whether a dataset was prepared as a model expects, as far as both record it."""
    normalization = dataset.manifest.settings.normalization
    if start.normalization not in (None, normalization):
        raise DatasetError(
            f"{dataset.folder}: was prepared with `normalization` {normalization}, {start.name} expects "
            f"{start.normalization}; prepare it again with `normalization` {start.normalization}."
        )
    here, there = dataset.manifest.pixel_size_nm, start.pixel_size_nm
    if here and there and max(here / there, there / here) > PIXEL_SIZE_TOLERANCE:
        raise DatasetError(
            f"{dataset.folder}: has {here:g} nm/px, {start.name} was trained at {there:g} nm/px; prepare it again with "
            f"`target_pixel_size_nm` {there:g}."
        )


def notes_on_start(config: RunConfig) -> list[str]:
    """What a user should know about the model that a run starts from; nothing where it starts from none."""
    start = config.start
    if start is None:
        return []
    notes = [f"Starts from the weights of {start.name} (sha256 {start.sha256[:12]})."]
    if start.normalization is None:
        notes.append(
            f"{start.name} does not record its normalization; make sure that it is "
            f"{config.preprocessing.normalization}, as in the dataset."
        )
    if start.pixel_size_nm is None or config.pixel_size_nm is None:
        unknown = start.name if start.pixel_size_nm is None else config.dataset.name
        notes.append(
            f"{unknown} does not record its pixel size; make sure that the dataset and {start.name} have the same."
        )
    return notes


def open_training_data(config: RunConfig) -> PreparedDataset:
    """Open the dataset of a run.

    Raises:
        DatasetError: The dataset is missing, is not the one the run started with, lacks a split or what augmentation
            needs, or has a patch size that does not fit the architecture.
    """
    dataset = open_dataset(config.dataset)
    if dataset.fingerprint != config.dataset_sha256:
        raise DatasetError(
            f"{config.dataset}: is not the dataset this run started with (dataset.json has changed); "
            "restore it, or train under another `name`."
        )
    _check(dataset, config.architecture, config.augmentation)
    return dataset


def _check(dataset: PreparedDataset, architecture: Architecture, augmentation: AugmentationSettings) -> None:
    size, stride = dataset.manifest.patch_size, architecture.stride
    if size % stride:
        below = size // stride * stride
        sizes = " or ".join(str(n) for n in (below, below + stride) if n)
        raise DatasetError(
            f"{dataset.folder}: its patch size {size} is not divisible by the pooling product {stride} of "
            f"{architecture.name}; prepare with `patch_size` {sizes}, or choose another network."
        )
    dataset.indices("train")
    dataset.indices("validation")
    if not augmentation.is_off:
        counts_of_sources(dataset)
    if augmentation.dose_fraction < 1:
        noise_of_sources(dataset, augmentation.counts_per_electron)
