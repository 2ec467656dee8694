"""Averages over networks and over the eight transforms, and tiles for any memory."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tem_rf import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.data.dihedral import dihedral
from tem_rf.data.micrograph import Micrograph
from tem_rf.errors import ModelError, SettingsError
from tem_rf.inference.model import Segmenter
from tem_rf.inference.predict import segment_by_ensemble, segment_micrograph
from tem_rf.inference.tiles import choose_tile_px


def margin(logits: Any) -> Segmenter:
    """A network whose particle logit is given by a function of (n, h, w, 1) images."""
    return Segmenter(
        name="stub",
        architecture=Architecture((2, 2)),
        preprocessing=PreprocessingSettings(xray_threshold=None),
        pixel_size_nm=None,
        logits=lambda images: np.concatenate([np.zeros_like(images), logits(images)], axis=-1).astype(np.float32),
        sha256="",
    )


def micrograph(shape: tuple[int, ...] = (37, 22)) -> Micrograph:
    return Micrograph(np.random.default_rng(4).normal(size=shape))


def test_an_ensemble_gives_the_mean_probability_and_how_far_its_members_disagree() -> None:
    members = [margin(lambda x, slope=slope: slope * x) for slope in (1, 2, -1)]
    single = np.stack([segment_micrograph(member, micrograph()).probability for member in members])
    result = segment_by_ensemble(members, micrograph())
    np.testing.assert_allclose(result.probability, single.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(result.disagreement, single.std(axis=0), atol=1e-5)
    assert segment_micrograph(members[0], micrograph()).disagreement is None


def test_eight_transforms_make_the_answer_turn_with_the_image() -> None:
    def lopsided(images: np.ndarray) -> np.ndarray:
        return images + np.roll(images, 1, axis=2)

    image = micrograph()
    result = segment_by_ensemble([margin(lopsided)], image, transforms=8)
    assert result.probability.shape == image.pixels.shape
    once = segment_by_ensemble([margin(lopsided)], image).probability
    assert np.abs(result.probability - once).max() > 0.01
    inner = slice(4, -4)  # rolls wrap around
    for transform in range(8):
        turned = segment_by_ensemble([margin(lopsided)], Micrograph(dihedral(image.pixels, transform)), transforms=8)
        np.testing.assert_allclose(
            turned.probability[inner, inner], dihedral(result.probability, transform)[inner, inner], atol=1e-5
        )


def test_networks_that_want_different_pixel_sizes_make_no_ensemble() -> None:
    one = margin(lambda x: x)
    other = replace(one, preprocessing=PreprocessingSettings(target_pixel_size_nm=0.02))
    with pytest.raises(SettingsError, match="expected one pixel size"):
        segment_by_ensemble([one, other], micrograph())


def test_an_image_smaller_than_the_reach_is_segmented_with_a_note() -> None:
    result = segment_micrograph(margin(lambda x: x), micrograph((9, 60)))
    assert result.mask.shape == (9, 60)
    assert "60 x 9 px is smaller than the reach of stub" in result.notes[0]


class ResourceExhaustedError(Exception):
    """As TensorFlow's is called."""


def jax_error(message: Any) -> RuntimeError:
    return RuntimeError(f"RESOURCE_EXHAUSTED: {message}")


@pytest.mark.parametrize("error", [MemoryError, ResourceExhaustedError, jax_error])
def test_tiles_are_halved_until_memory_suffices(
    error: type[MemoryError] | type[ResourceExhaustedError] | Callable[..., Any],
) -> None:
    sides = []

    def hungry(images: np.ndarray) -> np.ndarray:
        sides.append(max(images.shape[1:3]))
        if sides[-1] > 200:
            raise error("OOM when allocating tensor")
        return images

    image = micrograph((300, 290))
    result = segment_micrograph(margin(hungry), image, tile_px=1024)
    assert sides[:3] == [300, 300, 280]
    assert max(sides[3:]) <= 200
    np.testing.assert_array_equal(result.mask, image.pixels > image.pixels.mean())


def test_memory_that_never_suffices_is_one_line() -> None:
    def always(images: np.ndarray) -> np.ndarray:
        raise MemoryError

    with pytest.raises(ModelError, match="out of memory even in tiles of 64 px"):
        segment_micrograph(margin(always), micrograph((300, 290)))


def test_tiles_follow_free_memory() -> None:
    small, large = Architecture((2, 2)), Architecture((2, 2), filter_sequence=(32,))
    assert choose_tile_px(small, 10**12) == 1024
    assert 64 <= choose_tile_px(large, 10**9) < choose_tile_px(small, 10**9) < 1024
    assert choose_tile_px(large, 1) == 64
