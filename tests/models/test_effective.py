"""The effective receptive field lies within the exact one, and follows the weights."""

import numpy as np
import pytest

from tem_rf import Architecture, build_unet
from tem_rf.errors import ModelError
from tem_rf.models.effective import EffectiveField, effective_receptive_field

IMAGES = np.random.default_rng(3).normal(size=(8, 96, 96)).astype(np.float32)


def test_no_energy_lies_beyond_the_exact_reach() -> None:
    architecture = Architecture.from_name("n2-p22")  # reach 23
    field = effective_receptive_field(build_unet(architecture, seed=1), architecture, IMAGES)
    middle, reach_px = len(field.energy) // 2, architecture.receptive_field.reach_px
    inside = field.energy[middle - reach_px : middle + reach_px + 1, middle - reach_px : middle + reach_px + 1]
    assert inside.sum() == pytest.approx(1)
    assert field.energy.sum() == pytest.approx(1)
    assert (field.energy > 0).sum() > 1000
    assert field.width_px(0.5) < field.width_px(0.95) <= 2 * reach_px + 1


def test_a_network_of_1_px_kernels_uses_one_pooling_window() -> None:
    architecture = Architecture.from_name("n1-p2-k1-average")
    field = effective_receptive_field(build_unet(architecture, seed=1), architecture, IMAGES)
    assert field.width_px(1) == 3  # a pixel and its window of 2, on either side of it by phase
    middle = len(field.energy) // 2
    assert field.energy[middle - 1 : middle + 2, middle - 1 : middle + 2].sum() == pytest.approx(1)


def test_every_phase_of_the_pooling_grid_takes_its_turn() -> None:
    architecture = Architecture.from_name("n1-p2-k1-average")
    field = effective_receptive_field(build_unet(architecture, seed=1), architecture, IMAGES)
    middle = len(field.energy) // 2
    assert field.energy[middle, middle - 1] > 0  # an odd pixel, whose window begins before it
    assert field.energy[middle, middle + 1] > 0


def test_widths_are_those_of_squares_that_hold_the_energy() -> None:
    energy = np.zeros((7, 7))
    energy[3, 3], energy[3, 4], energy[0, 6] = 0.5, 0.45, 0.05
    field = EffectiveField(energy, images=1)
    assert [field.width_px(part) for part in (0.5, 0.51, 0.95, 0.96, 1)] == [1, 3, 3, 7, 7]


def test_batch_normalization_is_left_as_it_is() -> None:
    architecture = Architecture((2,))
    model = build_unet(architecture, seed=1)
    before = model.get_weights()
    effective_receptive_field(model, architecture, IMAGES[:2])
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_progress_is_told_per_image() -> None:
    told = []
    architecture = Architecture((2,))
    model = build_unet(architecture)
    effective_receptive_field(model, architecture, IMAGES[:3], progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_constant_network_is_refused() -> None:
    architecture = Architecture((2,))
    model = build_unet(architecture)
    model.get_layer("head").kernel.assign(np.zeros((1, 1, 4, 2)))
    with pytest.raises(ModelError, match="all gradients are zero"):
        effective_receptive_field(model, architecture, IMAGES[:1])


def test_patches_without_room_around_the_pixel_are_refused() -> None:
    architecture = Architecture((8, 8))
    with pytest.raises(ModelError, match="use patches of at least 256 px"):
        effective_receptive_field(build_unet(architecture), architecture, np.zeros((1, 128, 128), np.float32))
