"""Package a network, such as that of a run, as a SavedModel that takes raw counts."""

from pathlib import Path

import keras

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.errors import ModelError
from tem_rf.evaluation.scores import read_scores
from tem_rf.evaluation.summary import mean_over_images
from tem_rf.files import replacing_folder, write_json
from tem_rf.inference.card import CARD_NAME, FieldOfView, ModelCard, TestScores
from tem_rf.models.trained import load_network
from tem_rf.runs.events import epochs
from tem_rf.runs.folder import RunFolder
from tem_rf.training.environment import package_versions


def export_saved_model(run: RunFolder, output: Path) -> ModelCard:
    """Write a SavedModel and its `model.json`; see `write_saved_model`.

    Args:
        run: A run with at least one epoch.
        output: Folder to write, whole or not at all.

    Raises:
        ModelError: The run has no network.
        StorageError: The disk is full or the place cannot be written to.
    """
    model = load_network(run)
    card = describe(run, name=output.name)
    write_saved_model(model, card, output)
    return card


def write_saved_model(model: keras.Model, card: ModelCard, output: Path) -> None:
    """Write a SavedModel and its `model.json`.

    The SavedModel has two endpoints: `serve` takes raw counts (n, h, w) float32 of any height and width and returns
    `probability` (n, h, w) float32 and `mask` (n, h, w) uint8; normalization, padding to the stride and cropping
    happen inside. `logits` takes normalized images (n, h, w, 1), h and w divisible by the stride.

    Args:
        model: The network.
        card: What is known about it.
        output: Folder to write, whole or not at all.

    Raises:
        ModelError: Keras uses another backend than TensorFlow.
        StorageError: The disk is full or the place cannot be written to.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ModelError(
            f"{output}: a SavedModel needs the TensorFlow backend, KERAS_BACKEND is {backend}; run the same command "
            "with KERAS_BACKEND=tensorflow, which reads runs of any backend."
        )
    with replacing_folder(output) as beside:
        archive = _archive(model, card.preprocessing, card.stride_px)
        archive.write_out(str(beside), verbose=False)
        write_json(beside / CARD_NAME, card.to_json())


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
        made_with=package_versions(),
    )


def _archive(model: keras.Model, preprocessing: PreprocessingSettings, stride: int) -> keras.export.ExportArchive:
    import tensorflow as tf

    from tem_rf.export.normalization_graph import normalize_counts

    def logits(images: tf.Tensor) -> tf.Tensor:
        return model(images, training=False)

    def serve(counts: tf.Tensor) -> dict[str, tf.Tensor]:
        height, width = tf.shape(counts)[1], tf.shape(counts)[2]
        images = tf.map_fn(lambda one: normalize_counts(one, preprocessing), counts)
        # Zeros are the mean of a standardized image, and what the convolutions pad with.
        padded = tf.pad(images, [[0, 0], [0, -height % stride], [0, -width % stride]])
        both = logits(padded[..., tf.newaxis])[:, :height, :width]
        probability = tf.sigmoid(both[..., 1] - both[..., 0])
        return {"probability": probability, "mask": tf.cast(probability > 0.5, tf.uint8)}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve, input_signature=[tf.TensorSpec((None, None, None), tf.float32, name="counts")])
    archive.add_endpoint(
        "logits", logits, input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32, name="images")]
    )
    return archive


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
