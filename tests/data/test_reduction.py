"""Images that were reduced and enlarged again have lost their fine detail."""

from typing import Any

import numpy as np
import pytest

from tem_rf.data.reduction import RESAMPLING, reduce_and_enlarge


def wave(period_px: Any) -> Any:
    return np.tile(np.sin(2 * np.pi * np.arange(256) / period_px), (200, 1))


@pytest.mark.parametrize("down", RESAMPLING)
def test_fine_detail_is_lost_and_coarse_detail_kept(down: Any) -> None:
    assert reduce_and_enlarge(wave(4), 4, down=down).std() < 0.1 * wave(4).std()
    assert reduce_and_enlarge(wave(64), 4, down=down).std() > 0.9 * wave(64).std()


def test_a_box_shows_the_large_pixels_of_a_binned_image() -> None:
    image = np.random.default_rng(0).normal(size=(64, 32)).astype(np.float32)
    bins = image.reshape(16, 4, 8, 4).mean((1, 3))
    np.testing.assert_allclose(
        reduce_and_enlarge(image, 4, down="box", up="box"), bins.repeat(4, 0).repeat(4, 1), atol=1e-6
    )


def test_a_factor_of_one_changes_nothing() -> None:
    image = np.random.default_rng(0).normal(size=(31, 50)).astype(np.float32)
    np.testing.assert_array_equal(reduce_and_enlarge(image, 1), image)


def test_no_side_becomes_shorter_than_a_pixel() -> None:
    assert reduce_and_enlarge(np.ones((3, 40)), 16).shape == (3, 40)
