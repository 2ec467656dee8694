"""The images of an experiment, which are the units of its statistics."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_rf.particles.formats.tables import MeasuredImage
from tem_rf.trust.record import DiceMap


@dataclass(frozen=True, eq=False)
class SampledImage:
    """The particles of one image, the unit of all statistics.

    Attributes:
        name: Its file, and its frame if it is one of a stack.
        diameters: (n,) equivalent circle diameters of all particles [unit of the experiment].
        weights: (n,) how much each particle counts by the rule for edge particles; 0: not at all.
        cut: (n,) bool, whether it is cut by the edge.
        area: Area of the image [square of the unit].
    """

    name: str
    diameters: np.ndarray
    weights: np.ndarray
    cut: np.ndarray
    area: float

    @property
    def has_particles(self) -> bool:
        """Whether any particle counts."""
        return bool((self.weights > 0).any())


@dataclass(frozen=True, eq=False)
class Experiment:
    """The images of a folder.

    Attributes:
        folder: The folder.
        unit: Unit of the lengths, nm, or px if no image has a pixel size.
        images: The images, by name.
        measured: The files, with all measurements of their particles.
        notes: Notes for the user.
        maps: Where the model that segmented the first file may be used, if that is known.
    """

    folder: Path
    unit: str
    images: tuple[SampledImage, ...]
    measured: tuple[MeasuredImage, ...]
    notes: tuple[str, ...] = ()
    maps: tuple[DiceMap, ...] = ()
