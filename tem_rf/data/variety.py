"""What a set of labelled micrographs lacks: sizes, contrasts, coverages, empty micrographs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tem_rf.data.splits import SPLITS, Split

_TOLERANCE = 1.5  # a coverage beyond the training's by this factor was not learned
_NARROW = 1.5  # a range whose ends differ by less is hardly a range
_NARROW_COVERAGE = 2.0
_FEW = 6  # micrographs; of fewer, a split by micrograph tests on one
_MIN_PARTICLE_PX = 12  # smaller regions are drawing errors


@dataclass(frozen=True, eq=False)
class Content:
    """What is on one labelled micrograph.

    Attributes:
        particle_fraction: Fraction of particle pixels.
        diameters_px: (n,) equivalent circle diameters of its particles, touching ones together [px].
        contrast: Mean of the particles minus mean of the background, in standard deviations of the background; None
            without particles.
    """

    particle_fraction: float
    diameters_px: np.ndarray
    contrast: float | None


def measure_content(pixels: np.ndarray, mask: np.ndarray) -> Content:
    """Measure a micrograph.

    Args:
        pixels: (height, width) counts.
        mask: (height, width) bool, True on particles.
    """
    from scipy import ndimage

    fraction = float(mask.mean())
    if fraction in (0.0, 1.0):
        return Content(fraction, np.zeros(0), None)
    areas = np.bincount(ndimage.label(mask)[0].ravel())[1:]
    film = pixels[~mask].astype(np.float64)
    contrast = (float(pixels[mask].mean(dtype=np.float64)) - film.mean()) / max(float(film.std()), 1e-12)
    return Content(fraction, np.sqrt(4 / np.pi * areas[areas >= _MIN_PARTICLE_PX]), float(contrast))


def lacks(contents: Sequence[Content]) -> tuple[str, ...]:
    """What a network trained on these micrographs will not have seen, one line each; empty without micrographs."""
    notes: list[str] = []
    with_particles = [one for one in contents if one.particle_fraction > 0]
    if not with_particles:
        return ()
    if len(contents) < _FEW:
        notes.append(
            f"micrographs: there are {len(contents)}, and a test on one of them says little; train with `folds` "
            f"{max(2, len(contents))}, which tests on each"
        )
    low, high = _ends([one.particle_fraction for one in with_particles])
    if high < _NARROW_COVERAGE * low:
        notes.append(f"other coverages: particles cover {low:.0%} to {high:.0%} of every micrograph")
    diameters = np.concatenate([one.diameters_px for one in with_particles])
    if diameters.size:
        small, large = np.percentile(diameters, [10, 90])
        if large < _NARROW * small:
            notes.append(f"other sizes: most particles have diameters of {small:.0f} to {large:.0f} px")
    contrasts = [one.contrast for one in with_particles if one.contrast is not None]
    if len({contrast > 0 for contrast in contrasts}) == 1:
        weak, strong = _ends(np.abs(contrasts))
        if strong < _NARROW * weak:
            kind = "brighter" if contrasts[0] > 0 else "darker"
            notes.append(
                f"other contrasts: particles are {weak:.1f} to {strong:.1f} sd {kind} than the film in every micrograph"
            )
    if len(with_particles) == len(contents):
        notes.append(
            "empty micrographs: without bare film a network may find particles where there are none; add one with an "
            "empty label and `empty_is_background`"
        )
    return tuple(notes)


def coverage_notes(micrographs: Iterable[tuple[str, float, Split]]) -> list[str]:
    """A note for each split with micrographs whose coverage was not trained on.

    Args:
        micrographs: Name, particle fraction and split of each.
    """
    fractions: dict[Split, dict[str, float]] = {split: {} for split in SPLITS}
    for name, fraction, split in micrographs:
        if fraction > 0:
            fractions[split][name] = fraction
    if not fractions["train"]:
        return []
    low, high = _ends(fractions["train"].values())
    notes = []
    for split in SPLITS[1:]:
        unlike = {
            name: fraction
            for name, fraction in fractions[split].items()
            if not low / _TOLERANCE <= fraction <= high * _TOLERANCE
        }
        if unlike:
            name = max(unlike, key=lambda one: max(low / unlike[one], unlike[one] / high))
            others = f" and {len(unlike) - 1} more" if len(unlike) > 1 else ""
            notes.append(
                f"particles cover {low:.0%} to {high:.0%} of the training micrographs, but {unlike[name]:.0%} of "
                f"{name} ({split}){others}; label micrographs of such coverage for training, too"
            )
    return notes


def _ends(values: Iterable[float]) -> tuple[float, float]:
    found = [float(value) for value in values]
    return min(found), max(found)
