from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from tem_rf.config.preparation import preparation_settings
from tem_rf.data.preparation.near_duplicates import find_overlaps, take_fingerprint
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.splits import Split, keep_together
from tests.helpers.labelled_folder import counts_with_disc, write_pair
from tests.helpers.repository import shared_file


def place(seed: int, side: Any = 400, particle_seed: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Expected counts of a film of uneven thickness with particles on it, and their mask."""
    texture = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), 3)
    y, x = np.ogrid[:side, :side]
    mask = np.zeros((side, side), bool)
    for row, column in np.random.default_rng((particle_seed or seed, 1)).uniform(0, side, (8, 2)):
        mask |= (y - row) ** 2 + (x - column) ** 2 < 30**2
    return 600 + 60 * texture / texture.std() - 200 * mask, mask


def record(place: Any, seed: int, row: Any = 0, column: Any = 0, side: Any = 288) -> tuple[np.ndarray, np.ndarray]:
    """What a detector counts in a part of the place, and the mask of this part."""
    expected, mask = (part[row : row + side, column : column + side] for part in place)
    return np.random.default_rng(seed).poisson(expected), mask


def fingerprints(fields: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[Any]:
    return [take_fingerprint(image.astype(np.float32), mask) for image, mask in fields]


def test_overlapping_fields_are_found_with_their_shift() -> None:
    marks = fingerprints([record(place(0), 0), record(place(0), 1, 60, 90), record(place(1), 2)])
    (found,) = find_overlaps(marks, combinations(range(3), 2))
    assert (found.one, found.other) == (0, 1)
    assert found.shift_px == pytest.approx((-60, -90), abs=3)
    assert found.significance > 10


def test_a_film_in_common_without_the_particles_is_no_duplicate() -> None:
    """Simulated micrographs share sheets of carbon."""
    marks = fingerprints([record(place(0, particle_seed=seed), seed) for seed in range(1, 4)])
    assert find_overlaps(marks, combinations(range(3), 2)) == []


def test_particles_alike_on_noise_are_no_duplicates() -> None:
    marks = fingerprints([counts_with_disc((288, 288), seed=seed, radius=40) for seed in range(8)])
    assert find_overlaps(marks, combinations(range(8), 2)) == []


def test_illumination_is_no_part_of_a_fingerprint() -> None:
    y, x = np.mgrid[:288, :288] / 144 - 1
    vignette = 1.2 - 0.45 * (x**2 + y**2)
    expected, mask = place(0)[0][:288, :288], place(0)[1][:288, :288]
    film = take_fingerprint((expected * vignette).astype(np.float32), mask).film
    known = np.isfinite(film)
    light = vignette[1::3, 1::3]  # at the centres of the blocks of 3 px
    assert abs(np.corrcoef(film[known], light[known])[0, 1]) < 0.1


def test_a_field_full_of_particles_tells_nothing() -> None:
    full = np.ones((288, 288), bool)
    marks = fingerprints([(place(0)[0][:288, :288], full)] * 2)
    assert find_overlaps(marks, [(0, 1)]) == []


def test_only_the_pairs_asked_for_are_compared() -> None:
    marks = fingerprints([record(place(0), seed) for seed in range(3)])
    assert [(found.one, found.other) for found in find_overlaps(marks, [(0, 2)])] == [(0, 2)]


def test_micrographs_of_one_place_come_to_the_training_split_together() -> None:
    splits: list[Split] = ["train", "train", "test", "train", "validation", "train"]
    fractions = np.array([0.1, 0.5, 0.2, 0.9, 0.3, 0.25])
    result = keep_together(splits, [(2, 3)], fractions)
    assert result == ["train", "train", "train", "train", "validation", "test"]  # 5 is the most like 2
    assert sorted(result) == sorted(splits)


def test_places_that_connect_through_others_count_as_one() -> None:
    splits: list[Split] = ["train", "train", "train", "train", "train", "validation", "test"]
    result = keep_together(splits, [(0, 5), (6, 1), (5, 1)], np.linspace(0, 1, 7))
    assert {result[index] for index in (0, 1, 5, 6)} == {"train"}


def test_a_video_of_a_single_field_stays_as_it_was_split() -> None:
    splits: list[Split] = ["train", "train", "validation", "test"]
    assert keep_together(splits, [(0, 1), (1, 2), (2, 3)], np.linspace(0, 1, 4)) == splits


def test_a_leak_that_cannot_be_mended_is_recorded(tmp_path: Path) -> None:
    for index in range(3):
        image, mask = record(place(0), index, row=20 * index)
        write_pair(tmp_path / "raw", f"m{index}", image.astype(np.uint16), mask)
    settings = preparation_settings(patch_size=96, background_threshold=20)
    leaks = prepare_dataset(tmp_path / "raw", tmp_path / "set", settings=settings).manifest.near_duplicates
    assert all(leak.is_leak for leak in leaks)
    assert {(leak.one, leak.other) for leak in leaks} == {
        ("m0.tif", "m1.tif"),
        ("m0.tif", "m2.tif"),
        ("m1.tif", "m2.tif"),
    }
    assert sorted(leak.overlap for leak in leaks) == pytest.approx([0.86, 0.93, 0.93], abs=0.02)


@pytest.mark.reference
def test_hand_labelled_frames_that_share_a_field_are_kept_in_one_split(tmp_path: Path) -> None:
    """Looking at them shows it: frames 2, 12 and 13 are one place, frames 11 and 18 another."""
    folder = shared_file("data", "sintering_bf_tem")
    settings = preparation_settings()
    ordered = prepare_dataset(folder, tmp_path / "a", settings=settings.model_copy(update={"split": "study"}))
    leaks = [(pair.one, pair.other) for pair in ordered.manifest.near_duplicates if pair.is_leak]
    assert leaks == [("frame_0011.png", "frame_0018.png")]

    together = prepare_dataset(folder, tmp_path / "b", settings=settings).manifest
    assert {(pair.one[-6:-4], pair.other[-6:-4]) for pair in together.near_duplicates} == {
        ("02", "12"),
        ("02", "13"),
        ("12", "13"),
        ("11", "18"),
    }
    assert not any(pair.is_leak for pair in together.near_duplicates)
    split_of = {source.name: source.splits for source in together.sources}
    assert {split_of[f"frame_{number:04}.png"] for number in (2, 11, 12, 13, 18)} == {("train",)}
