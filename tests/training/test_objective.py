"""Loss and scores of a training are those of the study."""

import json
from typing import Any

import numpy as np
import pytest

from tem_rf.training.objective import (
    Scores,
    batch_sums,
    cross_entropy_dice,
    focal,
    loss_function,
    mean_cross_entropy,
    objective,
)
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


def partly_sure() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels with -1 where they are not sure, logits, and logits that differ there only."""
    random = np.random.default_rng(0)
    label = random.integers(0, 2, (2, 6, 6, 1)).astype(np.float32)
    label[0, :3] = -1
    logits = random.normal(size=(2, 6, 6, 2)).astype(np.float32)
    other = np.where(label < 0, 9 * random.normal(size=logits.shape), logits).astype(np.float32)
    return label, logits, other


@pytest.mark.parametrize("name", ["cross_entropy", "cross_entropy_dice", "focal"])
def test_pixels_that_are_not_sure_change_neither_loss_nor_scores(name: str) -> None:
    label, logits, other = partly_sure()
    of_sure = objective(name, ignores_unsure=True)
    loss = of_sure.loss
    assert float(loss(label, logits)) == pytest.approx(float(loss(label, other)), rel=1e-6)
    np.testing.assert_allclose(of_sure.sums(label, logits), of_sure.sums(label, other), rtol=1e-6)
    assert float(loss(label, logits)) != pytest.approx(float(loss(np.maximum(label, 0), logits)), rel=1e-3)


@pytest.mark.parametrize("name", ["cross_entropy", "cross_entropy_dice", "focal"])
def test_where_all_is_sure_nothing_changes(name: str) -> None:
    label, logits, _ = partly_sure()
    label = np.maximum(label, 0)
    of_sure = objective(name, ignores_unsure=True)
    assert float(of_sure.loss(label, logits)) == pytest.approx(float(loss_function(name)(label, logits)), rel=1e-5)
    np.testing.assert_allclose(of_sure.sums(label, logits), batch_sums(label, logits), rtol=1e-5)


def test_a_region_that_is_sure_scores_as_if_it_were_the_image() -> None:
    label, logits, _ = partly_sure()
    sums = objective("focal", ignores_unsure=True).sums(label[:1], logits[:1])
    np.testing.assert_allclose(sums, batch_sums(label[:1, 3:], logits[:1, 3:]), rtol=1e-5)
