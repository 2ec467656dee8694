"""What a user's own micrographs show that a simulation can take over: their look, pixel size, sizes of particles."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from tem_rf.data.pairing import pair_labels
from tem_rf.data.readers import read_frames
from tem_rf.data.simulation.appearance import Appearance, measure_appearance
from tem_rf.data.sources import read_labelled
from tem_rf.errors import DatasetError

PATCH_PX = 512
_MOST_MICROGRAPHS = 24


@dataclass(frozen=True)
class Recorded:
    """A folder of micrographs in numbers.

    Attributes:
        appearances: How each micrograph looks; contrast and fringes are NaN for those without a mask.
        pixel_size_nm: Median side of a pixel [nm].
        diameters_nm: Of discs as large as the particles of the masks [nm]; empty without masks.
        coverage: Mean part of a masked micrograph that particles cover; None without masks.
    """

    appearances: tuple[Appearance, ...]
    pixel_size_nm: float
    diameters_nm: tuple[float, ...]
    coverage: float | None


def measure_micrographs(folder: Path, pixel_size_nm: float | None = None) -> Recorded:
    """Measure up to 24 micrographs of a folder, labelled ones first.

    Args:
        folder: Of images/ and labels/ (or masks/), or of micrographs; labels may be missing.
        pixel_size_nm: Side of a pixel [nm], in place of what the files say.

    Raises:
        DatasetError: There are no micrographs, none is fit to be measured, a label has no micrograph, or a pixel size
            is not known.
        ReadError: A file cannot be read.
    """
    appearances, sizes, diameters, fractions = [], [], [], []
    for name, pixels, mask, size in islice(_micrographs(folder, pixel_size_nm), _MOST_MICROGRAPHS):
        if size is None:
            raise DatasetError(f"{name}: does not give its pixel size; give it with `pixel_size_nm`.")
        sizes.append(size)
        if mask is not None:
            fractions.append(float(mask.mean()))
            diameters += _diameters(mask, size)
        try:
            appearances.append(measure_appearance(*_patch(pixels, mask), size))
        except DatasetError:
            continue  # too little particle or background, or nothing but one value
    if not appearances:
        raise DatasetError(
            f"{folder}: no micrograph can be measured; expected at least one that shows particles and background."
        )
    return Recorded(
        tuple(appearances),
        float(np.median(sizes)),
        tuple(diameters),
        float(np.mean(fractions)) if fractions else None,
    )


def _micrographs(
    folder: Path, pixel_size_nm: float | None
) -> Iterator[tuple[Path, np.ndarray, np.ndarray | None, float | None]]:
    if not folder.is_dir():
        raise DatasetError(f"{folder}: is no folder; give a folder of micrographs.")
    pairing = pair_labels(folder)
    for problem in pairing.problems:
        if problem.path not in pairing.unlabelled:
            raise DatasetError(f"{problem}.")
    for pair in pairing.pairs:
        for one in read_labelled(pair, pixel_size_nm):
            yield pair.image, one.micrograph.pixels, one.mask, one.micrograph.pixel_size_nm
    for path in pairing.unlabelled:
        for micrograph in read_frames(path, pixel_size_nm=pixel_size_nm):
            yield path, micrograph.pixels, None, micrograph.pixel_size_nm


def _patch(pixels: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """The patch whose particle fraction is nearest to a third, of those without overlap; the middle without a mask."""
    height, width = pixels.shape
    if mask is None:
        top, left = (max(size - PATCH_PX, 0) // 2 for size in (height, width))
        return pixels[top : top + PATCH_PX, left : left + PATCH_PX], None
    rows = range(0, max(height - PATCH_PX, 0) + 1, PATCH_PX)
    columns = range(0, max(width - PATCH_PX, 0) + 1, PATCH_PX)
    patches = [np.s_[row : row + PATCH_PX, column : column + PATCH_PX] for row in rows for column in columns]
    best = min(patches, key=lambda patch: abs(mask[patch].mean() - 1 / 3))
    return pixels[best], mask[best]


def _diameters(mask: np.ndarray, pixel_size_nm: float) -> list[float]:
    """Diameters of discs as large as the particles that no border cuts [nm]; of all where it cuts every one."""
    from skimage.measure import label, regionprops

    regions = regionprops(label(mask))
    height, width = mask.shape
    whole = [r for r in regions if r.bbox[0] > 0 and r.bbox[1] > 0 and r.bbox[2] < height and r.bbox[3] < width]
    return [2 * float(np.sqrt(region.area / np.pi)) * pixel_size_nm for region in whole or regions]
