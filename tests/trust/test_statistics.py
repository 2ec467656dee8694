"""What is measured of an image follows what is done to it."""

import numpy as np
import pytest

from tem_rf.trust.changes import CHANGES, change, foreign_image
from tem_rf.trust.kinds import BLUR, ILLUMINATION, INVERTED, NOISE
from tem_rf.trust.statistics import MAX_WINDOWS, STATISTICS, WINDOW_PX, measure, windows
from tests.helpers.discs import discs

SHAPE = (300, 340)


def film(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Dark discs on a grainy film, and a probability that is nearly sure of them."""
    random = np.random.default_rng(seed)
    mask = discs(SHAPE, (60, 60, 30), (180, 120, 40), (120, 250, 35))
    image = random.normal(0, 1, SHAPE) - 2.0 * mask
    return image.astype(np.float32), np.where(mask, 0.95, 0.03).astype(np.float32)


def named(image: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    return dict(zip(STATISTICS, measure(image, probability), strict=True))


def test_offset_and_scale_have_no_effect() -> None:
    image, probability = film()
    np.testing.assert_allclose(measure(7 * image + 300, probability), measure(image, probability), atol=2e-3)


@pytest.mark.parametrize(
    ("kind", "name", "sign"),
    [(NOISE, "power_9", 1), (BLUR, "power_9", -1), (ILLUMINATION, "slope", 1)],
)
def test_a_change_shows_in_its_statistic(kind: str, name: str, sign: int) -> None:
    image, probability = film()
    changed = change(
        image if kind != NOISE else change(image, BLUR, np.random.default_rng(1)), kind, np.random.default_rng(2)
    )
    before = image if kind != NOISE else change(image, BLUR, np.random.default_rng(1))
    assert sign * (named(changed, probability)[name] - named(before, probability)[name]) > 0.05


def test_inverted_contrast_changes_sign() -> None:
    image, probability = film()
    inverted = change(image, INVERTED, np.random.default_rng(1))
    assert named(image, probability)["contrast"] < -0.5
    assert named(inverted, probability)["contrast"] > 0.5


def test_an_unsure_probability_has_more_entropy_and_less_dice_with_its_mask() -> None:
    image, probability = film()
    sure, unsure = named(image, probability), named(image, 0.5 + 0.4 * (probability - 0.5))
    assert unsure["entropy"] > sure["entropy"] + 0.1
    assert unsure["self_dice"] < sure["self_dice"] - 0.1


@pytest.mark.parametrize("shape", [(9, 9), (40, 300), (256, 256), (257, 900), (3000, 2000)])
def test_windows_cover_an_image_or_are_spread_over_it(shape: tuple[int, int]) -> None:
    covered = np.zeros(shape, bool)
    sizes = set()
    for window in windows(shape):
        covered[window] = True
        sizes.add(covered[window].shape)
    assert sizes == {(min(shape[0], WINDOW_PX), min(shape[1], WINDOW_PX))}
    assert len(list(windows(shape))) <= MAX_WINDOWS**2
    assert covered[0, 0]
    assert covered[-1, -1]
    if max(shape) <= MAX_WINDOWS * WINDOW_PX:
        assert covered.all()


@pytest.mark.parametrize("shape", [(9, 9), (17, 700), (64, 64)])
def test_small_and_constant_images_give_finite_numbers(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    for image in (random.normal(size=shape), np.zeros(shape)):
        for probability in (np.zeros(shape), np.ones(shape), random.random(shape)):
            assert np.isfinite(measure(image.astype(np.float32), probability.astype(np.float32))).all()


@pytest.mark.parametrize("kind", list(CHANGES))
def test_a_change_is_random_by_its_seed_alone(kind: str) -> None:
    image, _ = film()
    first, again, other = (change(image, kind, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == image.shape
    if kind != INVERTED:  # whose random part is a rare print
        assert not np.array_equal(first, other)


def test_images_that_are_no_micrographs_differ() -> None:
    images = [foreign_image(64, np.random.default_rng(seed)) for seed in range(40)]
    assert all(image.shape == (64, 64) and np.isfinite(image).all() for image in images)
    assert len({image.tobytes() for image in images}) == 40
