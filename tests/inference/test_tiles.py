"""A tiled result equals the whole-image result."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tem_rf import Architecture, build_unet
from tem_rf.inference.tiles import apply_in_tiles, plan_tiles
from tem_rf.models.merging import compile_inference
from tests.helpers.networks import trained


@given(
    height=st.integers(1, 20), width=st.integers(1, 20), tile=st.integers(1, 100), context=st.integers(0, 90),
    stride=st.sampled_from([1, 4, 16]),
)  # fmt: skip
def test_tiles_cover_every_pixel_once_with_its_context_on_the_grid(
    height: int, width: int, tile: int, context: int, stride: Any
) -> None:
    shape = (height * stride, width * stride)
    covered = np.zeros(shape, int)
    for piece in plan_tiles(shape, tile_px=tile, context_px=context, stride=stride):
        covered[piece.write] += 1
        for read, write, keep, length in zip(piece.read, piece.write, piece.keep, shape, strict=True):
            assert read.start % stride == 0
            assert (read.stop - read.start) % stride == 0
            assert (read.start + keep.start, read.start + keep.stop) == (write.start, write.stop)
            assert read.start in (0, *range(0, write.start - context + 1))
            assert read.stop >= min(write.stop + context, length)
    assert np.all(covered == 1)


@pytest.mark.parametrize(
    ("name", "shape", "tile_px"),
    [("n2-p22", (150, 97), 32), ("n2-p42-d121", (130, 210), 64), ("n1-p8", (90, 90), 8), ("n3-p222", (260, 300), 96)],
)
def test_logits_in_tiles_equal_those_of_the_whole_image(name: str, shape: tuple[int, ...], tile_px: int) -> None:
    architecture = Architecture.from_name(name)
    model = build_unet(architecture, seed=1)
    rng = np.random.default_rng(2)
    for layer in model.layers:  # statistics of a trained network are not 0 and 1
        if "bn" in layer.name:
            layer.moving_mean.assign(rng.normal(size=layer.moving_mean.shape) * 0.1)
            layer.moving_variance.assign(rng.uniform(0.5, 2, size=layer.moving_variance.shape))
    image = rng.normal(size=shape).astype(np.float32)
    context_px = architecture.receptive_field.reach_px
    sizes = {"context_px": context_px, "stride": architecture.stride}
    padded = np.pad(image, [(0, -length % architecture.stride) for length in shape])[np.newaxis, ..., np.newaxis]
    whole = np.asarray(model(padded, training=False))[0, : shape[0], : shape[1]]
    tiled = in_tiles(model, image, tile_px=tile_px, **sizes)
    np.testing.assert_allclose(tiled, whole, atol=1e-4)
    short = in_tiles(model, image, tile_px=tile_px, context_px=0, stride=architecture.stride)
    assert np.abs(short - whole).max() > 1e-3, "without context a seam shows: the test can fail"


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    poolings=st.lists(st.integers(2, 4), min_size=1, max_size=3).map(tuple),
    dilation=st.integers(1, 3),
    choices=st.fixed_dictionaries(
        {"pooling": st.sampled_from(["max", "average"]), "upsampling": st.sampled_from(["nearest", "bilinear"])}
    ),
    shape=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    tile_px=st.integers(1, 120),
)
def test_tiles_and_engine_leave_no_trace_with_any_architecture(
    poolings: Any, dilation: int, choices: Any, shape: Any, tile_px: int
) -> None:
    architecture = Architecture(poolings, dilation_sequence=(1,) * len(poolings) + (dilation,), **choices)
    model = trained(architecture)
    image = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    padded = np.pad(image, [(0, -length % architecture.stride) for length in shape])[np.newaxis, ..., np.newaxis]
    whole = np.asarray(model(padded, training=False))[0, : shape[0], : shape[1]]
    engine = compile_inference(model, architecture)
    reach_px = architecture.receptive_field.reach_px
    sizes: dict[str, Any] = {"context_px": reach_px, "stride": architecture.stride, "tile_px": tile_px}
    tiled = np.full(whole.shape, np.nan, np.float32)
    apply_in_tiles(lambda piece: engine(piece[np.newaxis, ..., np.newaxis])[0], image, tiled, **sizes)
    np.testing.assert_allclose(tiled, whole, atol=1e-4)
    margin = whole[..., 1] - whole[..., 0]
    decided = np.abs(margin) > 2e-4  # elsewhere rounding decides
    np.testing.assert_array_equal(tiled[..., 1][decided] > tiled[..., 0][decided], margin[decided] > 0)


def in_tiles(model: Any, image: np.ndarray, **sizes: Any) -> np.ndarray:
    logits = np.full((*image.shape, 2), np.nan, np.float32)
    apply_in_tiles(lambda piece: np.asarray(model(piece[np.newaxis, ..., np.newaxis]))[0], image, logits, **sizes)
    return logits
