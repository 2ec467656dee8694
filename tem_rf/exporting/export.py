"""Export the network of a run, replacing an earlier export if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.errors import DatasetError, StorageError
from tem_rf.evaluation.calibration import fit_on_validation
from tem_rf.exporting.card_notes import NO_NOTES, CardNotes
from tem_rf.exporting.formats import FORMATS, SAVED_MODEL, ExportFormat, formats_in
from tem_rf.exporting.micrographs import describe_micrographs, training_coverage
from tem_rf.inference.card import CalibrationNote, FieldOfView, ModelCard, TestScores
from tem_rf.metrics.scores import read_scores
from tem_rf.metrics.summary import mean_over_images
from tem_rf.runs.calibration import Calibration, MeasuredReliability, read_calibration, write_calibration
from tem_rf.runs.dataset import open_training_data
from tem_rf.runs.environment import package_versions
from tem_rf.runs.events import epochs, kept_epoch
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.network import load_network
from tem_rf.saved_models import refuse_foreign_folder

if TYPE_CHECKING:
    from tem_rf.inference.card import ModelCard
    from tem_rf.runs.folder import RunFolder


def export_run(
    run: RunFolder,
    output: Path,
    formats: Sequence[ExportFormat] = (SAVED_MODEL,),
    *,
    notes: CardNotes = NO_NOTES,
    members: Sequence[RunFolder] = (),
) -> ModelCard:
    """Write the network of a run, or the mean of several, with its card; see `write_model_folder`.

    Args:
        run: A run with at least one epoch.
        output: Folder to write, completely or not at all.
        formats: Formats to write.
        notes: Information for the card in addition to that from the run.
        members: Runs whose networks are averaged, the first of them being the run; none: the run alone.

    Raises:
        ModelError: A run has no network, or Keras uses a backend other than TensorFlow.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.exporting.folder import write_model_folder  # needs Keras

    card = describe(run, name=output.name).model_copy(update=notes.to_card())
    if len(members) > 1:
        from tem_rf.models.ensemble import build_ensemble

        model = build_ensemble([load_network(member) for member in members])
        card = card.model_copy(update=_of_all(members))
    else:
        model = load_network(run)
    card = card.model_copy(update={"calibration": _calibration(run, model, is_ensemble=len(members) > 1)})
    return write_model_folder(model, card, output, formats, source=run.path)


def _calibration(run: RunFolder, model: Any, *, is_ensemble: bool) -> CalibrationNote | None:
    """The temperature of a run, or of several on the validation patches that none of them was trained on."""
    kept = None if is_ensemble else read_calibration(run)
    fitted: tuple[float, MeasuredReliability] | None = None
    if kept is None or kept.network_sha256 != run.network_sha256:
        with suppress(DatasetError):  # missing or changed
            fitted = fit_on_validation(model, open_training_data(run.config))
        if fitted is not None and not is_ensemble and (sha256 := run.network_sha256):
            with suppress(StorageError):  # a run that cannot be written to is exported all the same
                write_calibration(run, Calibration(sha256, *fitted))
    elif kept.temperature is not None and kept.validation is not None:
        fitted = kept.temperature, kept.validation
    if fitted is None:
        return None
    temperature, measured = fitted
    return CalibrationNote(
        temperature=temperature,
        images=measured.images,
        fitted_on="validation patches of the dataset",
        error_before=measured.before.error,
        error_after=measured.after.error,
    )


def describe(run: RunFolder, *, name: str) -> ModelCard:
    """Return the model card of the network of a run."""
    config = run.config
    architecture = config.architecture
    best = kept_epoch(epochs(run.events()), config.training.keep)
    return ModelCard(
        name=name,
        architecture=architecture,
        parameters=architecture.parameters,
        receptive_field=FieldOfView.of(architecture, config.pixel_size_nm),
        stride_px=architecture.stride,
        pixel_size_nm=config.pixel_size_nm,
        preprocessing=config.preprocessing,
        done_before=_steps_outside(config.preprocessing),
        dataset=config.dataset.name,
        dataset_sha256=config.dataset_sha256,
        training=config.training,
        started_from=config.start and config.start.model_copy(update={"path": None}),
        seed=config.seed,
        best_epoch=best.epoch if best else 0,
        test=_test_scores([run]),
        coverage=training_coverage(config),
        micrographs=describe_micrographs(config),
        made_with=package_versions(),
    )


def _of_all(members: Sequence[RunFolder]) -> dict[str, Any]:
    """What the card of an ensemble says of all its members."""
    config = members[0].config
    coverages = [one for one in (training_coverage(member.config) for member in members) if one is not None]
    low, mean, high = zip(*coverages, strict=True) if coverages else ((), (), ())
    return {
        "members": len(members),
        "folds": config.fold and config.fold.folds,
        "parameters": len(members) * config.architecture.parameters,
        "coverage": (min(low), fmean(mean), max(high)) if coverages else None,
        "test": _test_scores(members),
    }


def _steps_outside(preprocessing: PreprocessingSettings) -> list[str]:
    return [name for name in ("flat_field_px", "target_pixel_size_nm") if getattr(preprocessing, name) is not None]


def _test_scores(runs: Sequence[RunFolder]) -> TestScores | None:
    """Scores of a run, or of all folds; an ensemble of seeds has none, since its own were not computed."""
    is_other_ensemble = len(runs) > 1 and (runs[0].config.fold is None or len({r.config.seed for r in runs}) > 1)
    if is_other_ensemble or not all(run.scores_file.exists() for run in runs):
        return None
    scores = [score for run in runs for score in read_scores(run.scores_file)]
    hard, soft = (mean_over_images(scores, metric) for metric in ("hard_dice", "soft_dice"))
    return (
        TestScores(images=len(scores), hard_dice=hard, soft_dice=soft)
        if hard is not None and soft is not None
        else None
    )


LICENSE = "BSD-3-Clause"


def export_over(
    run: RunFolder,
    output: Path,
    formats: Sequence[ExportFormat] = (SAVED_MODEL,),
    *,
    notes: CardNotes = NO_NOTES,
    members: Sequence[RunFolder] = (),
    only_missing: bool = False,
    overwrite: bool = False,
) -> ModelCard:
    """Export a run to a folder that may contain an earlier export; its formats, authors and license are kept.

    Args:
        run: A run with at least one epoch.
        output: Folder to write.
        formats: Formats to write; existing formats are exported again, so all contain the same network.
        notes: Information for the card in addition to that from the run; missing notes are taken from the earlier
            card, and the license is BSD-3-Clause if none was given.
        members: As for `export_run`.
        only_missing: Leave the folder unchanged if it already contains everything requested.
        overwrite: Replace the content of the folder, including its notes.

    Raises:
        ModelError: The folder contains something else, the run has no network, or Keras uses a backend other than
            TensorFlow.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.inference.card import ModelCard

    refuse_foreign_folder(output, overwrite=overwrite)
    present = formats_in(output)
    wanted = [one for one in FORMATS.values() if one in (*present, *formats)]
    before = ModelCard.read(output) if present and not overwrite else None
    if only_missing and wanted == present and before and notes == NO_NOTES:
        return before
    if before:
        notes = notes.or_before(before)
    notes = replace(notes, license=notes.license or LICENSE)
    return export_run(run, output, wanted, notes=notes, members=members)
