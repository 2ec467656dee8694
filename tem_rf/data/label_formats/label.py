"""The label of a micrograph."""

from dataclasses import dataclass, replace

import numpy as np

_USUAL_MOST = 0.6  # of the pixels; particles rarely cover more, but inverted masks do
_USUAL_LEAST = 1e-3
_MIN_SOLIDITY = 0.8  # of particles that touch; gaps between dense particles have at most 0.79, docs/experiments.md
_MIN_REGION_PX = 12  # smaller regions are drawing errors
_LARGEST_SIDE_PX = 1024
INVERTED = "is it inverted?"


@dataclass(frozen=True)
class Label:
    """The labelled particles of one micrograph.

    Attributes:
        mask: (height, width) bool, True on particles.
        unsure: (height, width) bool, True where the label is uncertain; None: nowhere.
        notes: How the label was interpreted, if it was ambiguous.
        legend: Its values, colours or classes with their shares, for the error if none is particle.
        instances: (height, width) int32, the number of the particle of each pixel, 0 elsewhere; None: the label does
            not tell touching particles apart.
    """

    mask: np.ndarray
    unsure: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    legend: str = ""
    instances: np.ndarray | None = None

    def with_remarks(self) -> "Label":
        """Add a note if it marks so much or so little that it may be inverted, or belong to another image."""
        share = float(self.mask.mean()) if self.mask.size else 0.0
        notes = self.notes
        if _USUAL_MOST < share < 1 and _has_convex_gaps(self.mask):
            notes += (f"marks {percent(share)} of the pixels as particle; {INVERTED}",)
        elif 0 < share < _USUAL_LEAST:
            notes += (f"marks only {percent(share)} of the pixels as particle",)
        return replace(self, notes=notes)


def _has_convex_gaps(mask: np.ndarray) -> bool:
    """Whether the unmarked pixels form convex regions, as particles do; the gaps between dense particles are concave.

    Args:
        mask: (height, width) bool.
    """
    from skimage.measure import label, regionprops

    step = -(-max(mask.shape) // _LARGEST_SIDE_PX)
    regions = regionprops(label(~mask[::step, ::step], connectivity=1))
    regions = [region for region in regions if region.area >= _MIN_REGION_PX] or regions
    area = sum(region.area for region in regions)
    return bool(sum(region.solidity * region.area for region in regions) >= _MIN_SOLIDITY * area)


def percent(share: float) -> str:
    """A fraction in percent, with at least one digit that is not zero.

    >>> percent(0.095489), percent(0.00012)
    ('9.5 %', '0.012 %')
    """
    return f"{100 * share:.1f} %" if share >= 0.0095 or share == 0 else f"{100 * share:.2g} %"


def legend(entries: list[tuple[str, float]], most: int = 8) -> str:
    """Names with their shares; long lists are shortened.

    >>> legend([("1", 0.905), ("2", 0.095)])
    '1 (90.5 %), 2 (9.5 %)'
    """
    more = f" and {len(entries) - most} more" if len(entries) > most else ""
    return ", ".join(f"{name} ({percent(share)})" for name, share in entries[:most]) + more
