"""Loss and scores of a training are those of the study."""

import json
from typing import Any

import numpy as np
import pytest

from tem_rf.training.objective import Scores, batch_sums, cross_entropy_dice, focal, mean_cross_entropy
from tests.helpers.repository import REFERENCE_NETWORKS, shared_file


@pytest.mark.reference
@pytest.mark.parametrize("name", REFERENCE_NETWORKS)
def test_cross_entropy_and_dice_equal_those_of_the_study(name: Any) -> None:
    arrays = np.load(shared_file("reference", f"unet_{name}.npz"))
    meta = json.loads(str(arrays["meta"]))
    label = arrays["label"].astype(np.float32)
    scores = Scores().plus(len(label), batch_sums(label, arrays["logits"]))
    assert scores.loss == pytest.approx(meta["cross_entropy"], abs=1e-5)
    assert scores.soft_dice == pytest.approx(meta["soft_dice"], abs=1e-5)
    assert scores.hard_dice == pytest.approx(meta["hard_dice"], abs=1e-5)


def test_scores_solved_by_hand() -> None:
    label = np.array([[[1.0], [0.0]]], np.float32)[np.newaxis]  # (1, 1, 2, 1)
    sure = np.array([[[0.0, 50.0], [50.0, 0.0]]], np.float32)[np.newaxis]
    wrong = sure[..., ::-1]
    np.testing.assert_allclose(batch_sums(label, sure), [0, 1, 1], atol=1e-6)
    np.testing.assert_allclose(batch_sums(label, wrong), [50, 1 / 3, 1 / 3], atol=1e-6)


def test_a_probability_of_one_half_rounds_to_background() -> None:
    label = np.ones((1, 1, 1, 1), np.float32)
    assert float(batch_sums(label, np.zeros((1, 1, 1, 2), np.float32))[2]) == pytest.approx(1 / 2)


def test_the_mean_is_over_images_whatever_the_batches() -> None:
    whole = Scores().plus(3, [6.0, 1.5, 3.0])
    parts = Scores().plus(1, [2.0, 0.5, 1.0]).plus(2, [4.0, 1.0, 2.0])
    assert whole == parts
    assert (whole.loss, whole.soft_dice, whole.hard_dice) == (2.0, 0.5, 1.0)


def test_losses_solved_by_hand() -> None:
    label = np.array([[[1.0], [0.0]]], np.float32)[np.newaxis]  # (1, 1, 2, 1)
    even = np.zeros((1, 1, 2, 2), np.float32)  # probability 1/2 everywhere: dice (2 * 0.5 + 1) / (1 + 1 + 1) = 2/3
    assert float(mean_cross_entropy(label, even)) == pytest.approx(np.log(2))
    assert float(cross_entropy_dice(label, even)) == pytest.approx(np.log(2) + 1 / 3)
    assert float(focal(label, even)) == pytest.approx(np.log(2) / 4)
