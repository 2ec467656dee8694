"""Check the pixel size of micrographs by the known lattice of their particles."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tem_rf.lattice.indexing import match_zones
from tem_rf.lattice.structure import Structure

_SCALES = np.exp(np.arange(-5, 6) * 0.04)  # of spacings, as measured over those of the structure: 0.82 to 1.22
_BETTER = 1.1  # than the pixel size of the file another one must explain the fringes
_MAX_PARTICLES = 24
_MIN_PARTICLES = 3  # for a statement about the pixel size
_MIN_SIGNAL = 25.0  # of a particle's strongest set
_CONFIDENCE = 0.99
_MIN_SPREAD = 0.005  # standard deviation between particles; nanoparticles are strained by at least as much


@dataclass(frozen=True)
class Calibration:
    """The pixel size as the lattice shows it.

    Attributes:
        deviation: Measured spacings over those of the structure, less 1: the pixel size is too large by this part.
        standard_error: Its standard error, from the differences between particles.
        particles: Number of particles that it is from.
    """

    deviation: float
    standard_error: float
    particles: int

    @property
    def is_off(self) -> bool:
        """Whether the pixel size is off by more than particles differ by chance or strain."""
        return abs(self.deviation) > self.margin

    @property
    def margin(self) -> float:
        """Half of the confidence interval of 99 %, by Student's distribution."""
        from scipy.special import stdtrit

        return float(stdtrit(self.particles - 1, (1 + _CONFIDENCE) / 2)) * self.standard_error


def calibrate(deviations: Iterable[float], particles: int | None = None) -> Calibration | None:
    """The error of the pixel size, from the deviation of the spacings of each particle.

    The median, so that particles that were assigned to a wrong zone axis do not count; its standard error is from the
    median absolute deviation, of at least 0.5 %.

    Args:
        deviations: Deviation of each measurement.
        particles: Number of particles, if they were measured several times; default: that of the deviations.

    Returns:
        None with fewer than three particles.

    >>> calibrate([0.017, 0.019, 0.018, 0.02, 0.016]).deviation
    0.018
    """
    values = np.array(list(deviations))
    particles = len(values) if particles is None else particles
    if particles < _MIN_PARTICLES:
        return None
    median = float(np.median(values))
    # 1.4826: from the median absolute deviation to the standard one; 1.2533: from the mean to the median.
    spread = max(1.4826 * float(np.median(np.abs(values - median))), _MIN_SPREAD)
    return Calibration(median, 1.2533 * spread / particles**0.5, particles)


def choose_scale(particles: Sequence[tuple[np.ndarray, np.ndarray]], structure: Structure) -> float:
    """Roughly how much too long spacings are measured, as the ratio of 1 that explains the fringes best.

    Ratios and angles of the fringes of a zone axis show it even where a spacing alone would pass for another family.

    Args:
        particles: Of each particle: (sets, 2) reciprocal vectors [1/nm] and (sets,) signals.
        structure: The structure.

    Returns:
        1 unless another scale, in steps of 4 %, explains clearly more.
    """
    telling = [one for one in particles if len(one[0]) >= 3 and one[1].max() > _MIN_SIGNAL]
    telling = sorted(telling, key=lambda one: -float(np.log(one[1]).sum()))[:_MAX_PARTICLES]
    if len(telling) < _MIN_PARTICLES:
        return 1.0

    def explained(scale: float) -> float:
        total = 0.0
        for vectors, signals in telling:
            matches = match_zones(vectors * scale, np.log(np.maximum(signals, np.e)), structure)
            total += matches[0].score if matches else 0.0
        return total

    scores = [explained(float(scale)) for scale in _SCALES]
    best = int(np.argmax(scores))
    given = scores[len(_SCALES) // 2]
    return float(_SCALES[best]) if scores[best] > _BETTER * given else 1.0
