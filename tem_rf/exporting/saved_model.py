"""Export a network as a SavedModel that takes raw counts; normalization, padding and cropping are in the graph."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.data.preprocess import BLOCK_PERCENTILES, BLOCK_PX, PERCENTILES
from tem_rf.data.xray import FEW_BELOW_ZERO, MAX_OUTLIER_FRACTION, PASSES
from tem_rf.exporting.verdict_graph import measure_in_graph
from tem_rf.inference.card import ModelCard
from tem_rf.metrics.calibration import UNCALIBRATED
from tem_rf.models.probability import ABOVE_HALF
from tem_rf.trust.statistics import STATISTICS

_AROUND = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if (row, column) != (0, 0)]


def normalize_counts(counts: Any, settings: PreprocessingSettings) -> Any:
    """Preprocess raw counts like the training data: x-ray outlier removal, then normalization.

    Args:
        counts: (h, w) float32.
        settings: Preprocessing of the dataset; flat-field correction and rescaling are not part of the graph.

    Returns:
        (h, w) float32.
    """
    image = counts
    if settings.xray_threshold is not None:
        below_zero = tf.reduce_mean(tf.cast(image < 0, tf.float64))
        image = tf.cond(
            below_zero <= FEW_BELOW_ZERO,
            lambda: _remove_xray_outliers(tf.maximum(counts, 0.0), settings.xray_threshold),
            lambda: counts,
        )
    offset, scale = _offset_and_scale(image, settings)
    return (image - tf.cast(offset, tf.float32)) / tf.cast(scale, tf.float32)


def _offset_and_scale(image: Any, settings: PreprocessingSettings) -> tuple[Any, Any]:
    exact = tf.cast(image, tf.float64)
    if settings.normalization == "standard":
        return tf.reduce_mean(exact), tf.math.reduce_std(exact)
    if settings.normalization == "robust":
        return _robust_levels(exact)
    if settings.normalization == "min-max":
        low, high = tf.reduce_min(exact), tf.reduce_max(exact)
    else:
        ordered = tf.sort(tf.reshape(exact, [-1]))
        low, high = (_quantile(ordered, percent / 100) for percent in PERCENTILES)
    return low, high - low


def _robust_levels(image: Any) -> tuple[Any, Any]:
    """Offset and scale as `tem_rf.data.preprocess.robust_levels` computes them."""
    height, width = tf.unstack(tf.shape(image))
    block = tf.minimum(BLOCK_PX, tf.minimum(height, width))
    rows, columns = height // block, width // block
    whole = tf.reshape(image[: rows * block, : columns * block], tf.stack([rows, block, columns, block]))
    ordered = tf.sort(tf.reshape(tf.reduce_mean(whole, axis=[1, 3]), [-1]))
    low, high = (_quantile(ordered, percent / 100) for percent in BLOCK_PERCENTILES)
    return (low + high) / 2, (high - low) / 2


def _remove_xray_outliers(image: Any, threshold: float) -> Any:
    for _ in range(PASSES):
        image = tf.cond(
            tf.reduce_max(image) <= tf.reduce_min(image) + threshold,
            lambda image=image: image,
            lambda image=image: _replace_brightest_first(image, threshold),
        )
    return image


def _replace_brightest_first(image: Any, threshold: float) -> Any:
    """Do one pass: the loop updates the values of the outliers only, not the whole image."""
    shape = tf.shape(image)
    size = tf.cast(tf.size(image), tf.float64)
    median = tf.cast(_quantile(tf.sort(tf.reshape(image, [-1])), 0.5), tf.float32)
    outliers = tf.cast(tf.where(image > median + threshold), tf.int32)  # (n, 2)
    are_outliers = tf.cast(tf.shape(outliers)[0], tf.float64) <= MAX_OUTLIER_FRACTION * size
    outliers = outliers[: tf.where(are_outliers, tf.shape(outliers)[0], 0)]
    outliers = tf.gather(outliers, tf.argsort(-tf.gather_nd(image, outliers), stable=True))
    count = tf.shape(outliers)[0]
    number = tf.tensor_scatter_nd_update(tf.fill(shape, -1), outliers, tf.range(count))

    around = outliers[:, tf.newaxis, :] + tf.constant(_AROUND)  # (n, 8, 2)
    on_border = tf.reduce_any((around < 0) | (around >= shape), axis=[1, 2])
    around = tf.clip_by_value(around, 0, shape - 1)
    neighbours = tf.cast(tf.gather_nd(image, around), tf.float64)
    neighbour_numbers = tf.gather_nd(number, around)

    def replace_one(index: Any, values: Any, total: Any) -> tuple[Any, Any, Any]:
        numbers = neighbour_numbers[index]
        now = tf.where(numbers >= 0, tf.gather(values, tf.maximum(numbers, 0)), neighbours[index])
        value = tf.where(on_border[index], total / size, tf.reduce_mean(now))
        value = tf.cast(tf.cast(value, tf.float32), tf.float64)  # the image holds float32
        total = total + value - values[index]
        return index + 1, tf.tensor_scatter_nd_update(values, [[index]], [value]), total

    start = (
        tf.constant(0),
        tf.cast(tf.gather_nd(image, outliers), tf.float64),
        tf.reduce_sum(tf.cast(image, tf.float64)),
    )
    _, values, _ = tf.while_loop(lambda index, *_: index < count, replace_one, start)
    return tf.tensor_scatter_nd_update(image, outliers, tf.cast(values, tf.float32))


def _quantile(ordered: Any, part: float) -> Any:
    """Interpolate linearly between the two nearest values, like NumPy."""
    ordered = tf.cast(ordered, tf.float64)
    position = part * tf.cast(tf.size(ordered) - 1, tf.float64)
    below = tf.cast(tf.floor(position), tf.int32)
    above = tf.minimum(below + 1, tf.size(ordered) - 1)
    weight = position - tf.cast(below, tf.float64)
    return ordered[below] * (1 - weight) + ordered[above] * weight


class ImagesToProbability(keras.Model):
    """Computes the particle probability of normalized images of any size.

    Args:
        network: Maps (n, h, w, 1) to (n, h, w, 2) logits, or to logits and distance, h and w multiples of the stride.
        stride: Stride of the network [px].
        temperature: Divides the logits, see `tem_rf.metrics.calibration`.
        distance: Also return the distance, if the network gives it.

    Input shape: (n, h, w, 1) float32. Output: `probability`, (n, h, w, 1) float32; also `distance` of that shape.
    """

    SIGNATURE = keras.InputSpec("float32", (None, None, None, 1), name="images")

    def __init__(
        self, network: keras.Model, stride: int, temperature: float = UNCALIBRATED, *, distance: bool = True
    ) -> None:
        super().__init__()
        self.network, self.stride, self.temperature, self.distance = network, stride, temperature, distance
        self.built = True

    def call(self, images: Any) -> dict[str, Any]:
        """Compute the probability of a particle."""
        import tensorflow as tf

        height, width = tf.unstack(tf.shape(images)[1:3])
        # Written to avoid negative numbers, for which the remainder has the opposite sign in ONNX.
        rows, columns = ((self.stride - length % self.stride) % self.stride for length in (height, width))
        # Zeros are the mean of a standardized image, and the padding of the convolutions. The channel axis is removed
        # while padding, because LiteRT otherwise loses the number of channels.
        padded = tf.pad(tf.squeeze(images, -1), [[0, 0], [0, rows], [0, columns]])
        logits = self.network(tf.expand_dims(padded, -1), training=False)[:, :height, :width]
        background, particle, *distance = tf.split(logits, logits.shape[-1], axis=-1)
        margin = particle - background
        probability = tf.sigmoid(margin)
        if self.temperature != UNCALIBRATED:  # pixels keep their side of one half, see tem_rf.models.probability
            calibrated = tf.sigmoid(margin / self.temperature)
            probability = tf.where(
                probability > 0.5, tf.maximum(calibrated, float(ABOVE_HALF)), tf.minimum(calibrated, 0.5)
            )
        outputs = {"probability": probability}
        return outputs | {"distance": distance[0]} if distance and self.distance else outputs


class CountsToProbability(ImagesToProbability):
    """Computes the particle probability of raw counts, including the preprocessing of the training data.

    Args:
        network: As for `ImagesToProbability`.
        stride: Stride of the network [px].
        preprocessing: Preprocessing of the training data; flat-field correction and rescaling are not in the graph.
        temperature: As for `ImagesToProbability`.
        distance: As for `ImagesToProbability`.

    Input shape: (n, h, w) float32. Output: as of `ImagesToProbability`.
    """

    SIGNATURE = keras.InputSpec("float32", (None, None, None), name="counts")

    def __init__(
        self,
        network: keras.Model,
        stride: int,
        preprocessing: PreprocessingSettings,
        temperature: float = UNCALIBRATED,
        *,
        distance: bool = True,
    ) -> None:
        super().__init__(network, stride, temperature, distance=distance)
        self.preprocessing = preprocessing

    def call(self, counts: Any) -> dict[str, Any]:
        """Compute the probability of a particle."""
        import tensorflow as tf

        images = tf.map_fn(lambda one: normalize_counts(one, self.preprocessing), counts)
        return super().call(tf.expand_dims(images, -1))


class PackagedCountsToProbability(CountsToProbability):
    """Computes the same as `CountsToProbability`, from counts with a channel axis.

    For programs that know no robust normalization. Input shape: (n, h, w, 1) float32. Output: `probability`.
    """

    SIGNATURE = ImagesToProbability.SIGNATURE

    def call(self, images: Any) -> dict[str, Any]:
        """Compute the probability of a particle."""
        import tensorflow as tf

        return super().call(tf.squeeze(images, -1))


def write_saved_model(model: keras.Model, card: ModelCard, folder: Path) -> None:
    """Write a SavedModel with three endpoints.

    `serve` takes raw counts (n, h, w) float32 of any height and width and returns `probability` (n, h, w) float32 and
    `mask` (n, h, w) uint8; if the network gives it, also `distance` (n, h, w) float32; normalization, padding to the
    stride and cropping are included. `verdict` takes the same and returns `statistics` (n, k) float32, the numbers that
    verdicts are made from. `logits` takes normalized images (n, h, w, 1), h and w divisible by the stride.

    Args:
        model: The network.
        card: Model card with stride, preprocessing and temperature.
        folder: Folder to write to.
    """
    import tensorflow as tf

    serving = CountsToProbability(model, card.stride_px, card.preprocessing, card.temperature)

    def serve(counts: Any) -> dict[str, Any]:
        outputs = {name: tf.squeeze(image, -1) for name, image in serving(counts).items()}
        return outputs | {"mask": tf.cast(outputs["probability"] > 0.5, tf.uint8)}

    def logits(images: Any) -> Any:
        return model(images, training=False)

    without_temperature = ImagesToProbability(model, card.stride_px)

    def verdict(counts: Any) -> dict[str, Any]:
        images = tf.map_fn(lambda one: normalize_counts(one, card.preprocessing), counts)
        probability = tf.squeeze(without_temperature(tf.expand_dims(images, -1))["probability"], -1)
        measured = tf.map_fn(
            lambda both: measure_in_graph(*both),
            (images, probability),
            fn_output_signature=tf.TensorSpec((len(STATISTICS),), tf.float32),
        )
        return {"statistics": measured}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve, input_signature=[tf.TensorSpec((None, None, None), tf.float32, name="counts")])
    archive.add_endpoint(
        "verdict", verdict, input_signature=[tf.TensorSpec((None, None, None), tf.float32, name="counts")]
    )
    archive.add_endpoint(
        "logits", logits, input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32, name="images")]
    )
    archive.write_out(str(folder), verbose=False)
