"""Scores of one segmented image, and their table on disk. NumPy is imported only to score images."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tem_rf.errors import ReadError
from tem_rf.files import replacing_file

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class ImageScores:
    """Scores of one image; a row of `scores.csv`.

    Attributes:
        source: Micrograph the image was cut from.
        y_px: Top row in the micrograph [px].
        x_px: Left column in the micrograph [px].
        soft_dice: Dice of the probability.
        hard_dice: Dice of the rounded probability.
        boundary_f1: Agreement of the outlines within the tolerance.
        mean_surface_distance_px: Mean distance of the outlines [px]; None if a mask has none.
        hausdorff95_px: 95th percentile of that distance [px].
        mean_surface_distance_nm: The same in nm; None without a pixel size.
        hausdorff95_nm: The same in nm.
        instance_f1: F1 of the particles that match with an intersection over union of at least 0.5; None if neither
            mask nor label has particles, or if particles were not scored one by one.
        mean_instance_f1: Mean of that F1 over minimum overlaps of 0.5, 0.55, ... 0.95.
        panoptic_quality: F1 at 0.5 times the mean overlap of the matches.
        merged: Number of labelled particles that share a particle of the mask.
        split: Number of labelled particles found in pieces.
        instance_precision: Fraction of the particles of the mask that match a labelled one, as for `instance_f1`; None
            if the mask has no particles, or if particles were not scored one by one.
        instance_recall: Fraction of the labelled particles that match one of the mask; None if the label has none.
    """

    source: str
    y_px: int
    x_px: int
    soft_dice: float
    hard_dice: float
    boundary_f1: float
    mean_surface_distance_px: float | None
    hausdorff95_px: float | None
    mean_surface_distance_nm: float | None
    hausdorff95_nm: float | None
    instance_f1: float | None = None
    mean_instance_f1: float | None = None
    panoptic_quality: float | None = None
    merged: float | None = None
    split: float | None = None
    instance_precision: float | None = None
    instance_recall: float | None = None


COLUMNS = tuple(field.name for field in fields(ImageScores))
"""Columns of the table."""

_WITHOUT_INSTANCES = COLUMNS[:10]  # of runs scored by earlier versions, as are the others
_WITHOUT_PRECISION = COLUMNS[:15]
_EARLIER_COLUMNS = ("source", "row", "column", *_WITHOUT_INSTANCES[3:])

METRICS = COLUMNS[3:]
"""Names of the scores, in the order of the table."""


def score_image(
    probability: np.ndarray,
    label: np.ndarray,
    *,
    unsure: np.ndarray | None = None,
    source: str = "",
    y_px: int = 0,
    x_px: int = 0,
    pixel_size_nm: float | None = None,
    tolerance_px: float = 2.0,
) -> ImageScores:
    """Score one image against its label.

    Args:
        probability: (h, w) float, probability of the particle class, or a mask.
        label: (h, w), 1 or True on particles.
        unsure: (h, w) bool, pixels to leave out because the label is not sure; None: nowhere.
        source: Micrograph it was cut from.
        y_px: Top row in the micrograph [px].
        x_px: Left column in the micrograph [px].
        pixel_size_nm: Pixel size [nm], for the distances in nm.
        tolerance_px: Maximum distance of outlines that agree [px].
    """
    import numpy as np

    from tem_rf.metrics.boundary import score_boundary
    from tem_rf.metrics.dice import hard_dice, particle_mask, soft_dice

    outline = score_boundary(particle_mask(probability), label, unsure=unsure, tolerance_px=tolerance_px)
    if unsure is not None:
        probability, label = np.where(unsure, 0, probability), np.where(unsure, 0, label)
    return ImageScores(
        source=source,
        y_px=y_px,
        x_px=x_px,
        soft_dice=float(soft_dice(probability, label)),
        hard_dice=float(hard_dice(probability, label)),
        boundary_f1=outline.f1,
        mean_surface_distance_px=outline.mean_distance_px,
        hausdorff95_px=outline.hausdorff95_px,
        mean_surface_distance_nm=_in_nm(outline.mean_distance_px, pixel_size_nm),
        hausdorff95_nm=_in_nm(outline.hausdorff95_px, pixel_size_nm),
    )


def write_scores(path: Path, scores: Sequence[ImageScores]) -> None:
    """Write one row per image as CSV. A missing score is an empty cell."""
    with replacing_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(asdict(row) for row in scores)


def read_scores(path: Path) -> list[ImageScores]:
    """Read the output of `write_scores`.

    Raises:
        ReadError: The file is missing or not such a table.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            found = tuple(table.fieldnames or ())
            if found not in (COLUMNS, _WITHOUT_PRECISION, _WITHOUT_INSTANCES, _EARLIER_COLUMNS):
                raise ValueError(f"expected the columns {','.join(COLUMNS)}")
            table.fieldnames = COLUMNS[: len(found)]
            return [_from_cells(cells) for cells in table]
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror}); evaluate the run first.") from error
    except (csv.Error, TypeError, ValueError) as error:
        raise ReadError(f"{path}: not a table of scores ({error}); evaluate the run again.") from error


def _from_cells(cells: dict[str, str]) -> ImageScores:
    numbers: dict[str, Any] = {name: float(cells[name]) if cells.get(name) else None for name in METRICS}
    return ImageScores(source=cells["source"], y_px=int(cells["y_px"]), x_px=int(cells["x_px"]), **numbers)


def _in_nm(distance_px: float | None, pixel_size_nm: float | None) -> float | None:
    return None if distance_px is None or pixel_size_nm is None else distance_px * pixel_size_nm
