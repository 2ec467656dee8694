"""What the lattices of the particles of a file amount to."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tem_rf.lattice.calibration import Calibration, calibrate
from tem_rf.lattice.measure import ParticleLattice


@dataclass(frozen=True)
class PlaneSpacing:
    """Spacings of one family of planes.

    Attributes:
        plane: The family.
        sets: Number of sets of fringes.
        mean_nm: Mean of their spacings, by the pixel size of the micrograph [nm].
        sd_nm: Standard deviation (n - 1) [nm]; None of one set.
    """

    plane: str
    sets: int
    mean_nm: float
    sd_nm: float | None


@dataclass(frozen=True)
class LatticeSummary:
    """Lattices of a file.

    Attributes:
        lattice: Name of the structure that they were compared with.
        kinds: Number of particles by class: single, twinned, poly, amorphous.
        mean_crystallinity: Mean part of the area with fringes, over the particles; None without particles.
        planes: Spacings by family, the widest first.
        calibration: The pixel size as the lattice shows it; None with fewer than three particles along a zone axis.
    """

    lattice: str
    kinds: dict[str, int]
    mean_crystallinity: float | None
    planes: tuple[PlaneSpacing, ...]
    calibration: Calibration | None

    def to_json(self) -> dict[str, Any]:
        """All numbers as JSON types."""
        content = asdict(self)
        if self.calibration is not None:
            content["calibration"]["is_off"] = self.calibration.is_off
        return content

    def describe_calibration(self) -> str:
        """One sentence about the pixel size."""
        found = self.calibration
        if found is None:
            return "the pixel size cannot be checked: expected at least 3 particles with fringes of two directions"
        off, error = abs(found.deviation), found.standard_error
        if not found.is_off:
            return f"the pixel size agrees with the lattice of {self.lattice} within {max(off, found.margin):.1%}"
        size = "large" if found.deviation > 0 else "small"
        return (
            f"your pixel size is off by {off:.1%} ± {error:.1%}: too {size}, judged by the lattice of {self.lattice} "
            f"in {found.particles} particles"
        )


def summarize_lattices(lattice: str, frames: Iterable[Sequence[ParticleLattice]]) -> LatticeSummary:
    """Count classes, average spacings by family, and check the pixel size.

    A movie shows the same particles again and again, so the standard error of the pixel size counts no more of them
    than one frame has.

    Args:
        lattice: Name of the structure.
        frames: The lattices of each frame.
    """
    frames = list(frames)
    particles = [one for own in frames for one in own]
    along_zone = [[one.spacing_deviation for one in own if one.spacing_deviation is not None] for own in frames]
    spacings: dict[str, list[float]] = {}
    for one in particles:
        for fringes in one.sets:
            if fringes.plane is not None:
                spacings.setdefault(fringes.plane, []).append(fringes.spacing_nm)
    planes = [
        PlaneSpacing(plane, len(own), float(np.mean(own)), float(np.std(own, ddof=1)) if len(own) > 1 else None)
        for plane, own in spacings.items()
    ]
    return LatticeSummary(
        lattice=lattice,
        kinds=dict(Counter(one.kind for one in particles)),
        mean_crystallinity=float(np.mean([one.crystallinity for one in particles])) if particles else None,
        planes=tuple(sorted(planes, key=lambda one: -one.mean_nm)),
        calibration=calibrate(itertools.chain(*along_zone), max(map(len, along_zone), default=0)),
    )
