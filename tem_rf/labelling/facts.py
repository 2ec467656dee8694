"""The numbers of one particle, and the order in which particles are reviewed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tem_rf.labelling.canvas import Canvas
from tem_rf.particles.confidence import particle_confidence

Order = Literal["confidence", "size", "place"]


@dataclass(frozen=True)
class ParticleFacts:
    """The numbers of a particle.

    Attributes:
        number: Its number.
        row: Row of the centre of its window [px].
        column: Column of the centre of its window [px].
        area_px: Area [px].
        diameter_px: Equivalent circle diameter [px].
        confidence: As of `tem_rf.particles.confidence`; None without a model.
    """

    number: int
    row: int
    column: int
    area_px: int
    diameter_px: float
    confidence: float | None


def measure_particle(canvas: Canvas, number: int, probability: np.ndarray | None) -> ParticleFacts:
    """Measure a particle in its window.

    Args:
        canvas: The labels.
        number: The particle.
        probability: (height, width), or None.

    Raises:
        EditError: There is no such particle.
    """
    box = canvas.box_of(number)
    mask = canvas.mask_of(number)
    area = int(np.count_nonzero(mask))
    confidence = None if probability is None else float(particle_confidence(mask, probability[box.place])[1])
    row, column = (box.top + box.bottom - 1) // 2, (box.left + box.right - 1) // 2
    return ParticleFacts(number, row, column, area, float(np.sqrt(4 * area / np.pi)), confidence)


def next_particle(
    numbers: Iterable[int],
    facts: Callable[[int], ParticleFacts],
    order: Order,
    current: ParticleFacts | None,
    *,
    backwards: bool = False,
) -> int | None:
    """Return the particle after the current one, and after the last one the first.

    Args:
        numbers: The particles to review.
        facts: Measures one.
        order: By confidence, lowest first; by size, the smallest first; or row by row.
        current: The current particle, which need not be one of them; None: return the first.
        backwards: Return the one before.
    """
    keys = sorted(_key(facts(number), order) for number in numbers)
    if not keys:
        return None
    if current is None:
        return keys[-1 if backwards else 0][-1]
    here = _key(current, order)
    if backwards:
        return next((key[-1] for key in reversed(keys) if key < here), keys[-1][-1])
    return next((key[-1] for key in keys if key > here), keys[0][-1])


def _key(facts: ParticleFacts, order: Order) -> tuple[float, float, int]:
    if order == "place":
        return facts.row, facts.column, facts.number
    if order == "size" or facts.confidence is None:
        return facts.area_px, 0.0, facts.number
    return facts.confidence, 0.0, facts.number
