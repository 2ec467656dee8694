"""The statistics of `tem_rf.trust.statistics` in TensorFlow, for programs that use the SavedModel without tem-rf."""

from typing import Any

import numpy as np
import tensorflow as tf

from tem_rf.trust.statistics import (
    BAND_EDGES,
    BANDS,
    BLOCK_PX,
    EPSILON,
    FRINGES,
    MAX_WINDOWS,
    MIN_SIDE_PX,
    PATCH_PX,
    RINGS,
    WINDOW_PX,
)

_LN_10, _LN_2 = float(np.log(10)), float(np.log(2))


def measure_in_graph(image: Any, probability: Any) -> Any:
    """Measure one image like `tem_rf.trust.statistics.measure`.

    Args:
        image: (h, w) float32, preprocessed like the training data.
        probability: (h, w) float32 of a particle.

    Returns:
        (n,) float32, as named by `STATISTICS`.
    """
    both = tf.stack([image, probability], axis=-1)
    height, width = tf.unstack(tf.shape(image))
    repeats = [(MIN_SIDE_PX + length - 1) // length for length in (height, width)]
    both = tf.tile(both, tf.stack([*repeats, 1]))[: tf.maximum(height, MIN_SIDE_PX), : tf.maximum(width, MIN_SIDE_PX)]
    both = _windows(both)  # (n, h, w, 2)
    z, p = both[..., 0], both[..., 1]
    z -= tf.reduce_mean(z)
    z /= tf.maximum(tf.sqrt(tf.reduce_mean(tf.square(z))), 1e-12)
    level = _means(z, BLOCK_PX)
    variance = tf.maximum(_means(z * z, BLOCK_PX) - level**2, 0.0)
    parts = [*_spectrum(z), *_levels(z), *_patches(z, variance), *_certainty(p), *_contrast(level, variance, p)]
    return tf.concat([tf.reshape(tf.cast(one, tf.float32), [-1]) for one in parts], axis=0)


def _windows(image: Any) -> Any:
    """(h, w, c) -> (n, window, window, c)."""
    starts, sides = [], []
    for length in tf.unstack(tf.shape(image)[:2]):
        count = tf.minimum((length + WINDOW_PX - 1) // WINDOW_PX, MAX_WINDOWS)
        last = tf.maximum(length - WINDOW_PX, 0)
        starts.append(last * tf.range(count) // tf.maximum(count - 1, 1))
        sides.append(tf.minimum(length, WINDOW_PX))
    rows, columns = tf.meshgrid(*starts, indexing="ij")
    places = tf.stack([tf.reshape(rows, [-1]), tf.reshape(columns, [-1])], axis=-1)
    return tf.map_fn(
        lambda place: image[place[0] : place[0] + sides[0], place[1] : place[1] + sides[1]],
        places,
        fn_output_signature=tf.TensorSpec((None, None, 2), tf.float32),
    )


def _spectrum(z: Any) -> list[Any]:
    height, width = tf.unstack(tf.shape(z)[1:])
    window = tf.cast(tf.tensordot(_hann(height), _hann(width), 0), tf.float32)
    half = tf.signal.rfft2d((z - tf.reduce_mean(z, axis=[1, 2], keepdims=True)) * window)
    power = tf.reshape(tf.square(tf.math.real(half)) + tf.square(tf.math.imag(half)), tf.stack([tf.shape(z)[0], -1]))
    power /= tf.reduce_sum(tf.square(window))
    rows, columns = _frequencies(height)[:, tf.newaxis], _half_frequencies(width)[tf.newaxis, :]
    radius = tf.reshape(tf.sqrt(rows**2 + columns**2), [-1])
    is_on_axis = (tf.abs(rows) <= 1.5 / tf.cast(height, tf.float64)) | (columns <= 1.5 / tf.cast(width, tf.float64))
    mean = tf.reduce_mean(power, axis=0)
    band = tf.searchsorted(tf.constant(BAND_EDGES, tf.float64), radius, side="right")
    counts = tf.math.unsorted_segment_sum(tf.ones_like(mean), band, BANDS + 2)[1:-1]
    density = tf.unstack(tf.math.unsorted_segment_sum(mean, band, BANDS + 2)[1:-1] / tf.maximum(counts, 1.0))
    for index in range(BANDS - 2, -1, -1):
        density[index] = tf.where(counts[index] == 0, density[index + 1], density[index])
    is_fringe = (radius >= FRINGES[0]) & (radius < FRINGES[1])
    fringes = tf.boolean_mask(power, is_fringe, axis=1)
    ring = tf.cast(tf.boolean_mask(radius, is_fringe) * 2 * RINGS, tf.int32)
    in_ring = tf.math.unsorted_segment_sum(tf.ones_like(ring, tf.float32), ring, RINGS)
    levels = tf.transpose(tf.math.unsorted_segment_sum(tf.transpose(fringes), ring, RINGS)) / tf.maximum(in_ring, 1.0)
    ratio = fringes / tf.gather(tf.maximum(levels, 1e-9), ring, axis=1)
    axes = tf.boolean_mask(mean, is_fringe & tf.reshape(is_on_axis, [-1]))
    along = tf.reduce_mean(axes) / tf.maximum(tf.reduce_mean(tf.boolean_mask(mean, is_fringe)), 1e-9)
    peak = tf.reduce_mean(_log10(tf.reduce_max(ratio, axis=1) + 1e-9))
    return [_log10(tf.stack(density) + 1e-9), peak, _log10(along + 1e-9)]


def _hann(length: Any) -> Any:
    place = tf.cast(tf.range(length) + 1, tf.float64) / tf.cast(length + 1, tf.float64)
    return 0.5 - 0.5 * tf.cos(2 * np.pi * place)


def _frequencies(length: Any) -> Any:
    index = tf.range(length)
    return tf.cast(tf.where(index < (length + 1) // 2, index, index - length), tf.float64) / tf.cast(length, tf.float64)


def _half_frequencies(length: Any) -> Any:
    return tf.cast(tf.range(length // 2 + 1), tf.float64) / tf.cast(length, tf.float64)


def _levels(z: Any) -> list[Any]:
    square = z * z
    cube = tf.reduce_mean(square * z)
    flat = _share(tf.abs(z[:, :, 1:] - z[:, :, :-1]) < 1e-3)
    extreme = _share((z <= tf.reduce_min(z)) | (z >= tf.reduce_max(z)))
    return [
        tf.sign(cube) * tf.abs(cube) ** (1 / 3),
        _log10(tf.maximum(tf.reduce_mean(square * square), 1.0)),
        _log10(flat + 1e-3),
        _log10(extreme + EPSILON),
    ]


def _patches(z: Any, variance: Any) -> list[Any]:
    detail = tf.sort(tf.reshape(tf.sqrt(variance), [-1]))
    low, high = (_quantile(detail, part) for part in (0.1, 0.9))
    size = tf.minimum(PATCH_PX, tf.reduce_min(tf.shape(z)[1:]))
    means = _means(z, size)
    within = means - tf.reduce_mean(means, axis=[1, 2], keepdims=True)
    rows, columns = tf.unstack(tf.shape(means)[1:])
    row, column = tf.meshgrid(_from_minus_one(rows), _from_minus_one(columns), indexing="ij")
    slopes = [
        tf.reduce_mean(tf.reduce_sum(within * axis, axis=[1, 2])) / tf.maximum(tf.reduce_sum(axis**2), 1e-9)
        for axis in (row, column)
    ]
    spread = tf.math.reduce_std(means)
    return [
        _log10((high + 1e-2) / (low + 1e-2)),
        _log10(spread + 1e-3),
        _log10(tf.sqrt(slopes[0] ** 2 + slopes[1] ** 2) + 1e-3),
    ]


def _from_minus_one(count: Any) -> Any:
    """Like np.linspace(-1, 1, count), which for one value is -1."""
    return 2 * tf.cast(tf.range(count), tf.float32) / tf.cast(tf.maximum(count - 1, 1), tf.float32) - 1


def _quantile(ordered: Any, part: float) -> Any:
    position = part * tf.cast(tf.size(ordered) - 1, tf.float64)
    below = tf.cast(tf.floor(position), tf.int32)
    above = tf.minimum(below + 1, tf.size(ordered) - 1)
    weight = tf.cast(position - tf.cast(below, tf.float64), tf.float32)
    return ordered[below] * (1 - weight) + ordered[above] * weight


def _certainty(p: Any) -> list[Any]:
    inside = p > 0.5
    fraction, total = _share(inside), tf.reduce_mean(p)
    q = tf.clip_by_value(p[:, ::2, ::2], 1e-6, 1 - 1e-6)
    entropy = -tf.reduce_mean(q * tf.math.log(q) + (1 - q) * tf.math.log(1 - q)) / _LN_2
    within = tf.reduce_mean(p * tf.cast(inside, tf.float32))
    return [
        _log10(fraction + EPSILON),
        _log10(entropy + EPSILON),
        (2 * within + EPSILON) / (total + fraction + EPSILON),
        (within + EPSILON) / (fraction + EPSILON),
        _log10((total - within) / (1 - fraction + EPSILON) + EPSILON),
        _log10((_changes(inside) + EPSILON) / (fraction + EPSILON)),
    ]


def _contrast(level: Any, variance: Any, p: Any) -> list[Any]:
    share = _means(p, BLOCK_PX)
    detail = tf.math.log(variance + 1e-3)
    inside, outside = share + 1e-6, 1 - share + 1e-6
    first, below, beside = level[:, :-1, :-1], level[:, 1:, :-1], level[:, :-1, 1:]
    steps = tf.sqrt((below - first) ** 2 + (beside - first) ** 2)
    unsure = (share * (1 - share))[:, :-1, :-1] + 1e-6
    edge = _mean(steps, unsure) / tf.maximum(tf.reduce_mean(steps), 1e-9)
    return [
        _mean(level, inside) - _mean(level, outside),
        _mean(detail, inside) - _mean(detail, outside),
        _log10(edge + 1e-3),
        _correlation(level, share),
        _correlation(detail, share),
    ]


def _changes(inside: Any) -> Any:
    return _share(inside[:, 1:] != inside[:, :-1]) + _share(inside[:, :, 1:] != inside[:, :, :-1])


def _share(where: Any) -> Any:
    return tf.reduce_mean(tf.cast(where, tf.float32))


def _mean(values: Any, weights: Any) -> Any:
    return tf.reduce_sum(values * weights) / tf.reduce_sum(weights)


def _correlation(one: Any, other: Any) -> Any:
    one, other = one - tf.reduce_mean(one), other - tf.reduce_mean(other)
    norm = tf.sqrt(tf.reduce_sum(one**2) * tf.reduce_sum(other**2))
    return tf.reduce_sum(one * other) / tf.maximum(norm, 1e-9)


def _means(z: Any, size: Any) -> Any:
    """(n, h, w) -> (n, h / size, w / size), means of squares; the remainder at the right and bottom is left out."""
    shape = tf.shape(z)
    rows, columns = shape[1] // size, shape[2] // size
    whole = tf.reshape(z[:, : rows * size, : columns * size], tf.stack([shape[0], rows, size, columns, size]))
    return tf.reduce_mean(whole, axis=[2, 4])


def _log10(value: Any) -> Any:
    return tf.math.log(value) / _LN_10
