"""Small labelled micrographs for the tests of preparation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.preparation import preparation_settings
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.tiff import write_tiff


def counts_with_disc(
    shape: tuple[int, int] = (64, 96), *, seed: int = 0, radius: float = 12
) -> tuple[np.ndarray, np.ndarray]:
    """A dark disc at a random place on bright noise, and its mask: (height, width) uint16 and bool."""
    random = np.random.default_rng(seed)
    y, x = np.ogrid[: shape[0], : shape[1]]
    row, column = random.uniform(radius, np.array(shape) - radius)
    mask = (y - row) ** 2 + (x - column) ** 2 <= radius**2
    return random.poisson(np.where(mask, 600, 900)).astype(np.uint16), mask


def write_folder(
    folder: Path, number: int = 5, shape: tuple[int, int] = (64, 96), pixel_size_nm: float | None = 0.02
) -> Path:
    """Folder with images/ and labels/; particles grow from one micrograph to the next."""
    for index in range(number):
        image, mask = counts_with_disc(shape, seed=index, radius=8 + index)
        write_pair(folder, f"m{index}", image, mask, pixel_size_nm)
    return folder


def write_touching_folder(folder: Path, number: int = 5, shape: tuple[int, int] = (64, 96)) -> Path:
    """Folder with images/ and labels/ of dark discs, of which two touch; the labels number them."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    for index in range(number):
        random = np.random.default_rng(index)
        radius = 8 + index % 3
        row, column = random.uniform(radius, shape[0] - radius), shape[1] / 2 + random.uniform(-6, 6)
        centres = [(row, column - radius), (row, column + radius), (shape[0] - row, column - 4 * radius)]
        numbers = np.zeros(shape, np.uint16)
        for one, (centre_y, centre_x) in enumerate(centres, start=11):
            numbers[((y - centre_y) ** 2 + (x - centre_x) ** 2 <= radius**2) & (numbers == 0)] = one
        counts = random.poisson(np.where(numbers > 0, 600, 900)).astype(np.uint16)
        write_pair(folder, f"m{index}", counts, numbers > 0)
        write_tiff(folder / "labels" / f"m{index}.tif", numbers)
    return folder


def write_pair(
    folder: Path, name: str, image: np.ndarray, mask: np.ndarray, pixel_size_nm: float | None = 0.02
) -> None:
    """One micrograph and its label."""
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    write_tiff(folder / "images" / f"{name}.tif", image, pixel_size_nm=pixel_size_nm)
    write_tiff(folder / "labels" / f"{name}.tif", mask)


def prepare_by_normalization(place: Path, names: Sequence[Any]) -> dict[str, Any]:
    """The micrographs of `write_folder`, prepared by each of some normalizations."""
    raw = write_folder(place / "raw")
    return {
        name: prepare_dataset(
            raw,
            place / name,
            settings=preparation_settings(patch_size=32, background_threshold=20, normalization=name),
        )
        for name in names
    }
