"""The training data of a run, checked against its configuration before training starts."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from tem_rf.architecture import Architecture
from tem_rf.config.augmentation import NO_AUGMENTATION, AugmentationSettings
from tem_rf.config.preparation import PIXEL_SIZE_TOLERANCE, Normalization, PreprocessingSettings
from tem_rf.config.training import MIN_VALIDATION_MICROGRAPHS, TrainingSettings, settings_error
from tem_rf.data.folds import in_fold
from tem_rf.data.patch_augmentation import counts_of_sources, noise_of_sources
from tem_rf.data.prepared import PreparedDataset, open_dataset, read_manifest
from tem_rf.data.renormalized import can_be_normalized, in_normalization
from tem_rf.data.variety import coverage_notes
from tem_rf.errors import DatasetError, SettingsError
from tem_rf.runs.config import Ancestor, Fold, RunConfig


def configure_run(
    dataset: Path,
    architecture: Architecture,
    training: TrainingSettings,
    seed: int,
    augmentation: AugmentationSettings = NO_AUGMENTATION,
    start: Ancestor | None = None,
    fold: Fold | None = None,
) -> RunConfig:
    """Build the configuration of a run and check that the run can start.

    Raises:
        DatasetError: The dataset cannot be used, lacks a split or what augmentation needs, its patches do not fit
            the architecture, or it was not prepared as the model that the run starts from expects.
        SettingsError: The seed is out of range, or the model that the run starts from has another normalization.
    """
    opened = open_dataset(dataset)
    if start is not None:
        _check_start(opened, start)
    opened = in_normalization(opened, _normalization(opened, training, start))
    if fold is not None:
        opened = in_fold(opened, fold.number, fold.folds)
    _check(opened, architecture, augmentation)
    training = training.model_copy(update={"keep": _kept(opened, training)})
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
            fold=fold,
            seed=seed,
        )
    except ValidationError as error:
        raise settings_error(error, RunConfig) from error


def _check_start(dataset: PreparedDataset, start: Ancestor) -> None:
    """Whether a dataset was prepared as a model expects, as far as both record it."""
    normalization = dataset.manifest.settings.normalization
    if start.normalization is not None and not can_be_normalized(dataset, start.normalization):
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


def _normalization(dataset: PreparedDataset, training: TrainingSettings, start: Ancestor | None) -> Normalization:
    """The normalization that a run uses; patches are converted to it when they are read."""
    own, wanted = dataset.manifest.settings.normalization, training.normalization
    if start is not None and start.normalization is not None:
        if wanted in ("standard", "robust") and wanted != start.normalization:
            raise SettingsError(
                f"`normalization`: {start.name} expects {start.normalization}, received {wanted}; leave it out."
            )
        return start.normalization
    if wanted == "auto":
        prefers_robust = start is None and own == "standard" and can_be_normalized(dataset, "robust")
        return "robust" if prefers_robust else own
    return own if wanted == "dataset" else wanted


def _kept(dataset: PreparedDataset, training: TrainingSettings) -> Literal["best", "smooth", "last"]:
    """Which epoch's network is kept; the best is that of micrographs which neither train nor test."""
    patience = training.early_stopping_patience
    if dataset.monitored != "validation":
        if patience is not None:
            missing = "in a cross-validation" if dataset.fold else "without validation micrographs"
            raise SettingsError(
                f"`early_stopping_patience`: {missing} there is no score to stop by; leave it out, or give `epochs`."
            )
        return "last"
    if training.keep != "auto":
        return training.keep
    micrographs = {patch.source for patch in dataset.patches if patch.split == "validation"}
    if len(micrographs) >= MIN_VALIDATION_MICROGRAPHS:
        return "best"
    return "last" if patience is None else "smooth"


def notes_on_start(config: RunConfig) -> list[str]:
    """What a user should know about the model that a run starts from; nothing where it starts from none."""
    start = config.start
    if start is None:
        return []
    notes = [f"Starts from the weights of {start.name} (sha256 {start.sha256[:12]})."]
    if start.lacks:
        notes.append(f"{start.name} has no layer {', '.join(start.lacks)}, which starts from initial weights.")
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


def notes_on_data(config: RunConfig, dataset: PreparedDataset) -> list[str]:
    """What a user should know about the dataset of a run before it is trained.

    Args:
        config: Configuration of the run.
        dataset: Its dataset, from `open_training_data`.
    """
    splits = {patch.source: patch.split for patch in dataset.patches}
    notes = coverage_notes(
        (one.name, one.particle_fraction, splits[one.name]) for one in dataset.manifest.sources if one.name in splits
    )
    prepared = read_manifest(dataset.folder).settings.normalization
    if config.preprocessing.normalization != prepared:
        notes.append(
            f"Learns {config.preprocessing.normalization} normalization; the dataset was prepared with {prepared} and "
            "is converted."
        )
    elif config.training.normalization == "auto" and config.start is None and prepared == "standard":
        notes.append(
            "The dataset was prepared by an earlier version and does not record what `normalization` robust needs, so "
            "standard is learned, which moves with the coverage; prepare it again with `overwrite`."
        )
    if dataset.monitored == "train":
        notes.append("No micrographs validate, so the scores of the training patches are shown after every epoch.")
    return notes


def open_training_data(config: RunConfig) -> PreparedDataset:
    """Open the dataset of a run, in the normalization of the run.

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
    dataset = in_normalization(dataset, config.preprocessing.normalization)
    if config.fold is not None:
        dataset = in_fold(dataset, config.fold.number, config.fold.folds)
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
    train = dataset.indices("train")
    dataset.indices(dataset.monitored)
    if architecture.has_distance and (dataset.instances is None or not any(dataset.instances[i].any() for i in train)):
        plain = replace(architecture, second_output="none")
        raise DatasetError(
            f"{dataset.folder}: its training labels do not number their particles, from which {architecture.name} "
            f"learns the distance; prepare it again with `labels` that do (those of simulated micrographs are in "
            f"instances/), or train {plain.name}."
        )
    if not augmentation.is_off:
        counts_of_sources(dataset)
    if augmentation.dose_fraction < 1:
        noise_of_sources(dataset, augmentation.counts_per_electron)
