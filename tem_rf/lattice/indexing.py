"""Compare the fringes of a particle with the zone axes of a structure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tem_rf.lattice.structure import Structure, Zone

_LENGTH_TOLERANCE = 0.05  # of a reciprocal vector, for strain, tilt and error of the pixel size
_ANGLE_TOLERANCE_DEG = 4.0
_DISTANCE_TOLERANCE = 0.045  # between a peak and its place in the zone, relative to its frequency
_STRAIN_TOLERANCE = 0.06  # of the map from the zone to the image
_BASES = 6  # strongest sets from whose pairs the map is computed
_TRIALS = 400


@dataclass(frozen=True, eq=False)
class ZoneMatch:
    """A zone axis that explains fringes of a particle.

    Attributes:
        zone: The zone axis.
        matrix: (2, 2) map from the plane of the zone to the image [1/nm], x to the right and y up.
        explained: (sets,) bool, the sets that it explains.
        family: (sets,) index of the family of each explained set, -1 otherwise.
        score: Sum of the weights of the explained sets, less their misfit.
    """

    zone: Zone
    matrix: np.ndarray
    explained: np.ndarray
    family: np.ndarray
    score: float

    @property
    def scale(self) -> float:
        """Spacings of the structure over those measured."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))


def match_zones(vectors: np.ndarray, weights: np.ndarray, structure: Structure) -> list[ZoneMatch]:
    """Find zone axes that explain the fringes, the best first: lengths and angles of pairs, then all sets.

    Args:
        vectors: (sets, 2) reciprocal vectors [1/nm], x to the right and y up, strongest first.
        weights: (sets,) how much each set counts.
        structure: The structure.

    Returns:
        The best match of each zone axis that explains at least two sets that are not parallel.

    Source: ratios and angles of reciprocal vectors, Williams & Carter 2009, chapter 18; automated as by Klinger and
    Jäger 2015, J. Appl. Cryst. 48, 2012.
    """
    table = _pairs(structure)
    best: dict[int, ZoneMatch] = {}
    bases = range(min(len(vectors), _BASES))
    for i, j in ((i, j) for i in bases for j in bases if i < j):
        for row in _alike(table, vectors[i], vectors[j])[:_TRIALS]:
            zone = structure.zones[int(table.zone[row])]
            pair = zone.planes[[table.first[row], table.second[row]]]
            matrix = np.linalg.solve(pair, vectors[[i, j]]).T
            match = explain(vectors, weights, zone, matrix)
            if match is None or not (match.explained[i] and match.explained[j]):
                continue
            number = int(table.zone[row])
            if number not in best or match.score > best[number].score:
                best[number] = match
    return sorted(best.values(), key=lambda match: -match.score)


def explain(vectors: np.ndarray, weights: np.ndarray, zone: Zone, matrix: np.ndarray) -> ZoneMatch | None:
    """Assign sets to the planes of a zone whose map to the image is known, and fit the map to all of them.

    Args:
        vectors: (sets, 2) reciprocal vectors [1/nm].
        weights: (sets,) how much each counts.
        zone: The zone.
        matrix: (2, 2) map from the zone to the image.

    Returns:
        The match; None if the map is not near a rotation or explains nothing.
    """
    for _ in range(2):
        stretch = np.linalg.svd(matrix, compute_uv=False)
        if np.abs(stretch - 1).max() > _STRAIN_TOLERANCE:
            return None
        places = zone.planes @ matrix.T  # (planes, 2), both signs
        distance = np.linalg.norm(vectors[:, None] - places, axis=-1)
        nearest = distance.argmin(axis=1)
        misfit = distance.min(axis=1) / np.linalg.norm(vectors, axis=1) / _DISTANCE_TOLERANCE
        explained = misfit < 1
        if not explained.any():
            return None
        planes, own, weight = zone.planes[nearest[explained]], vectors[explained], weights[explained, None] ** 0.5
        if np.linalg.matrix_rank(planes, tol=1e-6) == 2:
            matrix = np.linalg.lstsq(planes * weight, own * weight, rcond=None)[0].T
    # A zone of high indices has more planes, so that one of them is near by chance; this decides between equals only.
    score = float(weights[explained] @ (1 - 0.5 * misfit[explained] ** 2)) - 0.05 * np.log(zone.indices)
    return ZoneMatch(zone, matrix, explained, np.where(explained, zone.family[nearest], -1), score)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of planes of all zones: index of the zone, of both planes, their lengths [1/nm] and angle [degrees]."""

    zone: np.ndarray
    first: np.ndarray
    second: np.ndarray
    lengths: np.ndarray
    angle: np.ndarray


@lru_cache(maxsize=16)
def _pairs(structure: Structure) -> _Pairs:
    parts: list[Sequence[np.ndarray]] = []
    for number, zone in enumerate(structure.zones):
        length = np.linalg.norm(zone.planes, axis=1)
        cosine = zone.planes @ zone.planes.T / np.outer(length, length)
        first, second = np.nonzero(np.abs(cosine) < 0.999)
        upper = (zone.planes[first, 1] > 1e-9) | ((np.abs(zone.planes[first, 1]) <= 1e-9) & (zone.planes[first, 0] > 0))
        first, second = first[upper], second[upper]
        lengths = np.stack([length[first], length[second]], axis=1)
        angle = np.degrees(np.arccos(cosine[first, second]))
        parts.append((np.full(len(first), number), first, second, lengths, angle))
    if not parts:
        return _Pairs(*(np.zeros(0, int),) * 3, np.zeros((0, 2)), np.zeros(0))
    return _Pairs(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _alike(table: _Pairs, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Rows whose lengths and angle are like those of two vectors, the most alike first."""
    lengths = np.linalg.norm([one, other], axis=1)
    angle = np.degrees(np.arccos(np.clip(one @ other / lengths.prod(), -1, 1)))
    misfit = np.abs(table.lengths / lengths - 1) / _LENGTH_TOLERANCE
    turned = np.abs(table.angle - angle) / _ANGLE_TOLERANCE_DEG
    rows = np.flatnonzero((misfit < 1).all(axis=1) & (turned < 1))
    return rows[np.argsort((misfit[rows] ** 2).sum(axis=1) + turned[rows] ** 2, kind="stable")]
