"""Export the network of a run."""

from collections.abc import Sequence
from pathlib import Path

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.evaluation.scores import read_scores
from tem_rf.evaluation.summary import mean_over_images
from tem_rf.export.folder import write_model_folder
from tem_rf.export.formats import SAVED_MODEL, ExportFormat
from tem_rf.export.micrographs import describe_micrographs
from tem_rf.export.remarks import NO_REMARKS, Remarks
from tem_rf.inference.card import FieldOfView, ModelCard, TestScores
from tem_rf.models.trained import load_network
from tem_rf.runs.events import epochs
from tem_rf.runs.folder import RunFolder
from tem_rf.training.environment import package_versions


def export_run(
    run: RunFolder,
    output: Path,
    formats: Sequence[ExportFormat] = (SAVED_MODEL,),
    *,
    remarks: Remarks = NO_REMARKS,
) -> ModelCard:
    """Write the best network of a run, with its card; see `write_model_folder`.

    Args:
        run: A run with at least one epoch.
        output: Folder to write, whole or not at all.
        formats: What to write.
        remarks: What the card says beyond what the run does.

    Raises:
        ModelError: The run has no network, or Keras another backend than TensorFlow.
        StorageError: The disk is full or the place cannot be written to.
    """
    model = load_network(run)
    card = describe(run, name=output.name).model_copy(update=remarks.to_card())
    return write_model_folder(model, card, output, formats)


def describe(run: RunFolder, *, name: str) -> ModelCard:
    """What is known about the network of a run."""
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
