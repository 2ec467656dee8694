import json

import numpy as np
import pytest

from tem_rf.metrics.dice import dice_from_sums, hard_dice, particle_mask, soft_dice
from tests.helpers.repository import shared_file


def test_dice_of_two_images_solved_by_hand() -> None:
    probability = np.array([[[0.75, 0.25], [0.75, 0.0]], [[0.0, 0.0], [0.0, 0.0]]], dtype=np.float32)
    label = np.array([[[1, 1], [0, 0]], [[0, 0], [0, 0]]], dtype=np.uint8)

    # image 0: I = 1, P = 1.75, L = 2; rounded: I = 1, P = 2, L = 2; image 1: nothing predicted, nothing labelled
    np.testing.assert_allclose(soft_dice(probability, label), [3 / 4.75, 1])
    np.testing.assert_allclose(hard_dice(probability, label), [3 / 5, 1])


def test_one_half_rounds_to_background() -> None:
    assert particle_mask(np.array([0.49, 0.5, 0.51])).tolist() == [False, False, True]


def test_dice_from_sums_takes_arrays() -> None:
    np.testing.assert_allclose(dice_from_sums(np.array([0, 2]), np.array([3, 2]), np.array([0, 2])), [0.25, 1])


def test_half_precision_does_not_overflow() -> None:
    probability = np.ones((1, 300, 300), dtype=np.float16)  # 90,000 pixels; float16 ends at 65,504
    label = np.ones((1, 300, 300), dtype=np.uint8)

    assert soft_dice(probability, label)[0] == 1
    assert soft_dice(probability, 0 * label)[0] == pytest.approx(1 / 90_001)


@pytest.mark.reference
@pytest.mark.parametrize("name", ["UNet_b2_Au_m22_run1", "UNet_b2_Au_m44_run1", "random_n2_d112", "random_n3_m224"])
def test_dice_equals_the_study_code(name: str) -> None:
    with np.load(shared_file("reference", f"unet_{name}.npz")) as reference:
        logits, label, meta = reference["logits"], reference["label"][..., 0], json.loads(str(reference["meta"]))
    exponential = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probability = exponential[..., 1] / exponential.sum(axis=-1)

    assert soft_dice(probability, label).mean() == pytest.approx(meta["soft_dice"], abs=1e-5)
    assert hard_dice(probability, label).mean() == pytest.approx(meta["hard_dice"], abs=1e-5)
