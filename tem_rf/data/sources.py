"""Labelled micrographs, one in memory at a time, whether a file holds one or many."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_rf.data.labels import Pair, pair_labels, read_label
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.readers import read_micrograph
from tem_rf.errors import DatasetError


@dataclass(frozen=True)
class LabelledMicrograph:
    """A micrograph and the mask of its particles.

    Attributes:
        name: Unique among the sources of a dataset.
        micrograph: Counts and pixel size.
        mask: (height, width) bool.
        frame: Number of the frame, in a file of several.
    """

    name: str
    micrograph: Micrograph
    mask: np.ndarray
    frame: int | None = None


def find_pairs(images: Path, labels: Path | None) -> tuple[Pair, ...]:
    """Pair micrographs with labels, refusing whatever is left over.

    Raises:
        DatasetError: A folder is missing or empty, or a file has no partner.
    """
    pairing = pair_labels(images, labels)
    if pairing.problems:
        more = len(pairing.problems) - 1
        rest = f" (and {more} more; `tem-rf data check {images}` lists them)" if more else ""
        raise DatasetError(f"{pairing.problems[0]}.{rest}")
    return pairing.pairs


def read_labelled(pair: Pair, pixel_size_nm: float | None) -> Iterator[LabelledMicrograph]:
    """Read the labelled micrographs of a pair of files.

    Args:
        pair: The files.
        pixel_size_nm: Side of a pixel [nm], in place of what the file says.

    Raises:
        ReadError: A file cannot be read.
        DatasetError: The sizes differ, or nothing is labelled.
    """
    micrograph = read_micrograph(pair.image, pixel_size_nm=pixel_size_nm)
    mask = read_label(pair.label, micrograph.pixels.shape)
    if not mask.any():
        raise DatasetError(
            f"{pair.label}: marks no particle, every pixel is zero; label {pair.image.name}, or leave both files out."
        )
    yield LabelledMicrograph(pair.image.name, micrograph, mask)


def sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
