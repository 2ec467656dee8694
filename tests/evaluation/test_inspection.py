from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf.config.preparation import preparation_settings
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.prepared import PreparedDataset, open_dataset
from tem_rf.errors import DatasetError
from tem_rf.evaluation.inspection import inspect_dataset, write_inspection_picture
from tests.helpers.labelled_folder import write_pair

RADIUS, PERIOD = 20, 6.0


def field(seed: int, fringes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Noise with two discs of one size, one of them cut by the border, whose counts differ by a standard deviation."""
    y, x = np.ogrid[:128, :128]
    random = np.random.default_rng(seed)
    row, column = random.integers(30, 98, 2)
    mask = ((y - row) ** 2 + (x - column) ** 2 <= RADIUS**2) | ((y - 128 * (seed % 2)) ** 2 + x**2 <= 36)
    image = 1000 + random.normal(0, 30, mask.shape) - 30 * mask
    if fringes:
        image = image + 60 * mask * np.sin(2 * np.pi * (0.8 * x + 0.6 * y) / PERIOD)
    return image.astype(np.float32), mask


def dataset_of(tmp_path: Path, *, fringes: Any = True, pixel_size_nm: Any = 0.02) -> PreparedDataset:
    for seed in range(6):
        write_pair(tmp_path / "raw", f"m{seed}", *field(seed, fringes), pixel_size_nm=pixel_size_nm)
    settings = preparation_settings(patch_size=128)
    return prepare_dataset(tmp_path / "raw", tmp_path / "set", settings=settings)


def test_diameters_are_those_of_the_particles_that_are_whole(tmp_path: Path) -> None:
    inspection = inspect_dataset(dataset_of(tmp_path))
    assert inspection.diameters_px == pytest.approx([2 * RADIUS] * 6, rel=0.02)
    assert inspection.cut_particles == 6


@pytest.mark.parametrize(("column", "whole"), [(64, 3), (46, 0)])
def test_a_particle_is_measured_across_patches_unless_it_reaches_into_one_that_was_left_out(
    column: int, whole: int, tmp_path: Path
) -> None:
    y, x = np.ogrid[:128, :128]
    disc = (y - 64) ** 2 + (x - column) ** 2 <= RADIUS**2  # at column 46 few px of it lie beyond column 64
    for name in "abc":
        image = np.where(disc, 900, 1000).astype(np.float32)
        write_pair(tmp_path / "raw", name, image, disc, pixel_size_nm=0.02)
    settings = preparation_settings(patch_size=64, background_threshold=100)
    inspection = inspect_dataset(prepare_dataset(tmp_path / "raw", tmp_path / "set", settings=settings))
    assert inspection.diameters_px == pytest.approx([2 * RADIUS] * whole, rel=0.02)
    assert inspection.cut_particles == 3 - whole


@pytest.mark.parametrize("row", [10**7, 10**30])
def test_patches_that_are_said_to_lie_far_apart_fill_no_memory(row: int, tmp_path: Path) -> None:
    for name in "abc":
        image = np.where(np.indices((64, 128))[1] % 2, 900, 1000).astype(np.float32)
        write_pair(tmp_path / "raw", name, image, image < 950, pixel_size_nm=0.02)
    folder = prepare_dataset(tmp_path / "raw", tmp_path / "set", settings=preparation_settings(patch_size=64)).folder
    table = folder / "patches.csv"
    table.write_text(table.read_text().replace(",0,64,", f",{row},{row},"))
    with pytest.raises(DatasetError, match=r"patches\.csv: the patches of a\..* span .* prepare the dataset again"):
        inspect_dataset(open_dataset(folder))


def test_the_effect_size_is_the_distance_of_the_classes_in_standard_deviations(tmp_path: Path) -> None:
    assert inspect_dataset(dataset_of(tmp_path, fringes=False)).effect_size == pytest.approx(-1, abs=0.05)


def test_the_period_of_the_fringes_is_found(tmp_path: Path) -> None:
    assert inspect_dataset(dataset_of(tmp_path)).lattice_spacing_px == pytest.approx(PERIOD, rel=0.03)


def test_without_fringes_no_spacing_is_given(tmp_path: Path) -> None:
    assert inspect_dataset(dataset_of(tmp_path, fringes=False)).lattice_spacing_px is None


def test_the_balance_counts_every_split(tmp_path: Path) -> None:
    balance = inspect_dataset(dataset_of(tmp_path)).balance
    assert [(part.split, part.micrographs, len(part.particle_fractions)) for part in balance] == [
        ("train", 4, 4),
        ("validation", 1, 1),
        ("test", 1, 1),
    ]


@pytest.mark.parametrize("pixel_size_nm", [None, 0.02])
def test_the_picture_is_written(tmp_path: Path, pixel_size_nm: float | None) -> None:
    dataset = dataset_of(tmp_path, pixel_size_nm=pixel_size_nm)
    write_inspection_picture(tmp_path / "picture.png", dataset, inspect_dataset(dataset))
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
