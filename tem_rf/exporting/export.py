"""Export the network of a run, replacing an earlier export if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.errors import ModelError
from tem_rf.exporting.card_notes import NO_NOTES, CardNotes
from tem_rf.exporting.formats import FORMATS, SAVED_MODEL, ExportFormat, formats_in
from tem_rf.exporting.micrographs import describe_micrographs
from tem_rf.inference.card import FieldOfView, ModelCard, TestScores
from tem_rf.metrics.scores import read_scores
from tem_rf.metrics.summary import mean_over_images
from tem_rf.runs.environment import package_versions
from tem_rf.runs.events import epochs
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.network import load_network

if TYPE_CHECKING:
    from tem_rf.inference.card import ModelCard
    from tem_rf.runs.folder import RunFolder


def export_run(
    run: RunFolder,
    output: Path,
    formats: Sequence[ExportFormat] = (SAVED_MODEL,),
    *,
    notes: CardNotes = NO_NOTES,
) -> ModelCard:
    """Write the best network of a run, with its card; see `write_model_folder`.

    Args:
        run: A run with at least one epoch.
        output: Folder to write, completely or not at all.
        formats: Formats to write.
        notes: Information for the card in addition to that from the run.

    Raises:
        ModelError: The run has no network, or Keras uses a backend other than TensorFlow.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.exporting.folder import write_model_folder  # needs Keras

    model = load_network(run)
    card = describe(run, name=output.name).model_copy(update=notes.to_card())
    return write_model_folder(model, card, output, formats)


def describe(run: RunFolder, *, name: str) -> ModelCard:
    """Return the model card of the network of a run."""
    config = run.config
    architecture = config.architecture
    best = max(epochs(run.events()), key=lambda event: event.validation_hard_dice, default=None)
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
        test=_test_scores(run),
        micrographs=describe_micrographs(config),
        made_with=package_versions(),
    )


def _steps_outside(preprocessing: PreprocessingSettings) -> list[str]:
    return [name for name in ("flat_field_px", "target_pixel_size_nm") if getattr(preprocessing, name) is not None]


def _test_scores(run: RunFolder) -> TestScores | None:
    if not run.scores_file.exists():
        return None
    scores = read_scores(run.scores_file)
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
    return export_run(run, output, wanted, notes=replace(notes, license=notes.license or LICENSE))


def refuse_foreign_folder(output: Path, *, overwrite: bool) -> None:
    """Refuse to export over files that are not an exported model; a model is replaced by an export of the same name.

    Args:
        output: Folder the model will be written to.
        overwrite: Whether the content of that folder may be overwritten.

    Raises:
        ModelError: The folder contains something else, or the path is not a folder.
    """
    from tem_rf.saved_models import CARD_NAME

    if not output.exists():
        return
    if not output.is_dir():
        raise ModelError(f"{output}: expected a folder to export to, received a file; choose another `output`.")
    if not overwrite and not (output / CARD_NAME).exists() and any(output.iterdir()):
        raise ModelError(
            f"{output}: is not empty and contains no exported model; choose another `output`, or add `overwrite`."
        )
