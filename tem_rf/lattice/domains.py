"""The crystals of a particle: one, twins, or several, by where in it the fringes of each are the strongest."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from tem_rf.lattice.fringes import Fringes, Spectrum
from tem_rf.lattice.indexing import ZoneMatch, explain, match_zones
from tem_rf.lattice.structure import Structure
from tem_rf.lattice.waves import local_power

LatticeClass = Literal["single", "twinned", "poly", "amorphous"]
# Part of the area that another crystal must have. On simulated particles along <110>, twins had 10 % and more, single
# crystals 1 % and less (docs/experiments.md).
MIN_SHARE = 0.03
_FALSE_ALARM = 1e-3  # of a pixel without fringes
_FAMILY_TOLERANCE = 0.05  # relative difference of a spacing to that of its family
_DISTINCT = 0.2  # distance of a reflection to all of the twin, relative to its frequency; nearer ones are shared
_WIDEST_FAMILIES = 2  # whose reflections tell twins apart; finer fringes are weak
_PARALLEL_DEG = 4.0
_CANDIDATE_SCORE = 0.8  # of the best zone axis
_MAX_TWINS = 5  # crystals of a decahedron
_MAX_OTHERS = 3
_MIN_SIDE_SPACINGS = 3.0  # side of the smallest crystal, in widest spacings
_TWIN_PART = 0.5  # of the share of other crystals that twins must have; strained twins are seen as both
_APART = (
    0.1  # distance of a set to the lattice that does not explain it, relative to its frequency; nearer ones are bent
)
_ON_ROD = 0.05  # distance of a streak to its rod, relative to its frequency
_STREAK_SIGNAL = 0.1  # of the strongest set
_MIN_STREAKS = 2
_SHOWS_TWINS = {True: 0.99, False: 0.7}  # confidence in a single crystal where the zone axis shows twins, or hides them
_ONE_DIRECTION = 0.5  # the same, with fringes of one direction only, where a twin may look the same
_BARE = 0.5  # the same, where much of the area has no fringes: it may be a grain that shows none


@dataclass(frozen=True, eq=False)
class Domains:
    """The crystals of a particle.

    Attributes:
        kind: single, twinned, poly or amorphous.
        confidence: Between 0 and 1.
        matches: Zone axes that explain the first crystal, the best first; empty with fringes of one direction only.
        family: (sets,) index of the family of each set, -1 for none.
        crystal: (sets,) number of the crystal of each set from 0, -1 for none.
        mirrors: (crystals, 2, 2) reflection that makes each crystal of the first; the identity where it is no twin.
        place: (h, w) int, number of the crystal at each pixel, -1 where none has fringes.
    """

    kind: LatticeClass
    confidence: float
    matches: tuple[ZoneMatch, ...]
    family: np.ndarray
    crystal: np.ndarray
    mirrors: np.ndarray
    place: np.ndarray


def find_domains(
    spectrum: Spectrum,
    sets: tuple[Fringes, ...],
    mask: np.ndarray,
    structure: Structure,
    *,
    unit_nm: float,
    bare_part: float,
) -> Domains:
    """Assign the sets of fringes of a particle, and its pixels, to crystals.

    The first crystal is the zone axis that explains the most. It has a twin if the reflections that only the mirrored
    zone has are stronger than those that only the zone itself has in 3 % of the area; another crystal if the same holds
    for a set that neither explains. The confidence in a single crystal is the lower, the more of the area is bare.

    Args:
        spectrum: The particle.
        sets: Its sets of fringes, at least one, the strongest first.
        mask: (h, w) bool, the particle.
        structure: The structure.
        unit_nm: Size of a pixel, corrected if the lattice shows that it is wrong [nm].
        bare_part: Part of the area without fringes.

    Source: dark-field images of domains by Bragg filtering, Hÿtch, Snoeck and Kilaas 1998; the mirrored lattice of
    twins, Hofmeister 1998, Cryst. Res. Technol. 33, 3.
    """
    vectors = np.array([one.frequency for one in sets]) * [1, -1] / unit_nm
    weights = np.log([max(one.signal, np.e) for one in sets])
    family = _families(vectors, structure)
    matches = match_zones(vectors, weights, structure)
    if matches:
        best = matches[0]
        family = np.where(best.explained, best.family, family)
        first = best.explained
    else:
        first = _parallel_to_strongest(vectors, family)
    if not first.any():
        return _amorphous(spectrum, family)
    search = _Search(spectrum, mask, unit_nm, structure)
    found = _Crystals(search, np.where(first, 0, -1), family, vectors[first])
    shows_twins, twin_share, other_share = False, 0.0, 0.0
    if matches:
        shows_twins, twin_share = found.add_twins(matches[0], vectors, weights)
        twin_share = max(twin_share, found.add_lamellae(matches[0], vectors, np.exp(weights - weights.max())))
    other_share = found.add_others(matches[0] if matches else None, vectors)
    certain = _SHOWS_TWINS[shows_twins] if matches else _ONE_DIRECTION
    certain = _BARE + (certain - _BARE) / (1 + (bare_part / search.min_share) ** 2)
    kind, confidence = _decide(twin_share, other_share, search.min_share, certain)
    candidates = tuple(one for one in matches if one.score >= _CANDIDATE_SCORE * matches[0].score)
    return Domains(kind, confidence, candidates, found.family, found.crystal, np.array(found.mirrors), found.place)


def _decide(twin_share: float, other_share: float, min_share: float, certain: float) -> tuple[LatticeClass, float]:
    """Class and confidence. At the minimum share the odds are even; they rise with its square."""
    share = max(twin_share, other_share)
    several = share**2 / (share**2 + min_share**2)
    if share < min_share:
        return "single", certain * (1 - several)
    is_twin = twin_share >= min_share and twin_share >= _TWIN_PART * other_share
    decisive = twin_share if is_twin else other_share
    return "twinned" if is_twin else "poly", several * decisive / (twin_share + other_share)


class _Crystals:
    """The crystals found so far: the first, its twins, and others."""

    def __init__(self, search: "_Search", crystal: np.ndarray, family: np.ndarray, first: np.ndarray) -> None:
        self.crystal, self.family = crystal, family.copy()
        self.mirrors = [np.eye(2)]
        self._search, self._strongest = search, search.power(first)
        self.place = np.where(search.is_strong(self._strongest, len(first)), 0, -1)

    def add_twins(self, best: ZoneMatch, vectors: np.ndarray, weights: np.ndarray) -> tuple[bool, float]:
        """Add twins of the first crystal; return whether the zone would show them, and the largest share of one."""
        seen, largest = False, 0.0
        for share, mirror, place in self._search.twins(best):
            seen, largest = True, max(largest, share)
            if share < self._search.min_share or len(self.mirrors) == _MAX_TWINS:
                continue
            match = explain(vectors, weights, best.zone, mirror @ best.matrix)
            if match is not None:
                new = match.explained & (self.crystal == -1)
                self.family, self.crystal = (
                    np.where(new, match.family, self.family),
                    np.where(new, len(self.mirrors), self.crystal),
                )
            self._add(mirror, place & (self.place <= 0))
        return seen, largest

    def add_lamellae(self, best: ZoneMatch, vectors: np.ndarray, relative: np.ndarray) -> float:
        """Share of the area with streaks: lamellae of few layers draw reflections out across the twin planes."""
        largest = 0.0
        for plane in self._search.twin_planes(best):
            along = plane / np.linalg.norm(plane)
            places = best.zone.planes @ best.matrix.T
            rods = np.abs(places @ [-along[1], along[0]])
            offset = np.abs(np.abs(vectors @ [-along[1], along[0]])[:, None] - rods[rods > 0.2]).min(axis=1, initial=9)
            is_streak = (offset < _ON_ROD * np.linalg.norm(vectors, axis=1)) & (self.crystal == -1)
            is_streak &= (relative > _STREAK_SIGNAL) & (_off_lattice(vectors, best) > _APART)
            if np.count_nonzero(is_streak) >= _MIN_STREAKS:
                power = self._search.power(vectors[is_streak])
                count = int(np.count_nonzero(is_streak))
                largest = max(largest, self._search.share(self._search.is_strong(power, count)))
        return largest

    def add_others(self, best: ZoneMatch | None, vectors: np.ndarray) -> float:
        """Add a crystal for each set of a known family that is apart from the others; return the largest share."""
        largest, twins = 0.0, len(self.mirrors)
        for index in np.flatnonzero((self.crystal == -1) & (self.family >= 0)):
            if best is not None:
                lattices = [best.zone.planes @ (mirror @ best.matrix).T for mirror in self.mirrors[:twins]]
                if _distance(vectors[[index]], np.concatenate(lattices))[0] < _APART:
                    continue
            power = self._search.power(vectors[[index]])
            place = self._search.is_strong(power, 1) & (power > self._strongest)
            share = self._search.share(place)
            largest = max(largest, share)
            if share >= self._search.min_share and len(self.mirrors) < twins + _MAX_OTHERS:
                self.crystal[index] = len(self.mirrors)
                self._add(np.eye(2), place)
                np.maximum(self._strongest, power, out=self._strongest)
        return largest

    def _add(self, mirror: np.ndarray, place: np.ndarray) -> None:
        self.place[place] = len(self.mirrors)
        self.mirrors.append(mirror)


def _off_lattice(vectors: np.ndarray, best: ZoneMatch) -> np.ndarray:
    """(n,) distance of each vector to the lattice of a zone, whether a reflection is allowed there or not."""
    basis = best.zone.basis @ best.matrix.T
    nearest = np.rint(vectors @ np.linalg.inv(basis)) @ basis
    return np.asarray(np.linalg.norm(vectors - nearest, axis=1) / np.linalg.norm(vectors, axis=1))


def _distance(vectors: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(n,) distance of each vector to the nearest place, relative to its length."""
    distance = np.linalg.norm(vectors[:, None] - places, axis=-1).min(axis=1)
    return np.asarray(distance / np.linalg.norm(vectors, axis=1))


@dataclass(frozen=True, eq=False)
class _Search:
    """Where waves are strong within one particle."""

    spectrum: Spectrum
    mask: np.ndarray
    unit_nm: float
    structure: Structure

    @cached_property
    def min_share(self) -> float:
        """Part of the area that another crystal must have."""
        smallest = (_MIN_SIDE_SPACINGS * self.structure.spacings_nm.max() / self.unit_nm) ** 2
        return max(MIN_SHARE, smallest / np.count_nonzero(self.mask))

    def power(self, vectors: np.ndarray) -> np.ndarray:
        """(h, w) local power of reciprocal vectors [1/nm]."""
        return local_power(self.spectrum, vectors * [1, -1] * self.unit_nm)

    def is_strong(self, power: np.ndarray, waves: int) -> np.ndarray:
        """(h, w) bool, where the particle has fringes."""
        from scipy.special import gammainccinv

        return np.asarray(self.mask & (power > gammainccinv(waves, _FALSE_ALARM)))

    def share(self, place: np.ndarray) -> float:
        """Part of the area."""
        return np.count_nonzero(place & self.mask) / np.count_nonzero(self.mask)

    def twin_planes(self, best: ZoneMatch) -> list[np.ndarray]:
        """Reciprocal vectors in the image of the planes at which the lattice may be mirrored, one of each direction."""
        places = best.zone.planes @ best.matrix.T
        return [
            plane
            for plane, number in zip(places, best.zone.family, strict=True)
            if self.structure.families[number].name == self.structure.twin_planes and (plane[1], plane[0]) > (0.0, 0.0)
        ]

    def twins(self, best: ZoneMatch) -> list[tuple[float, np.ndarray, np.ndarray]]:
        """Share of the area, reflection, and (h, w) place of each twin that the zone would show, the largest first."""
        places = best.zone.planes @ best.matrix.T
        wide = np.linalg.norm(places, axis=1) < 1.05 / self.structure.spacings_nm[:_WIDEST_FAMILIES].min()
        found = []
        for plane in self.twin_planes(best):
            along = plane / np.linalg.norm(plane)
            mirror = 2 * np.outer(along, along) - np.eye(2)
            own = places[wide & (_distance(places, places @ mirror.T) > _DISTINCT) & (places[:, 1] > 1e-6)]
            if len(own):
                power = self.power(own @ mirror.T)
                place = self.is_strong(power, len(own)) & (power > self.power(own))
                found.append((self.share(place), mirror, place))
        return sorted(found, key=lambda one: -one[0])


def _families(vectors: np.ndarray, structure: Structure) -> np.ndarray:
    """(sets,) index of the family with the nearest spacing, -1 if none is near."""
    deviation = np.abs(1 / np.linalg.norm(vectors, axis=1)[:, None] / structure.spacings_nm - 1)
    return np.where(deviation.min(axis=1) < _FAMILY_TOLERANCE, deviation.argmin(axis=1), -1)


def _parallel_to_strongest(vectors: np.ndarray, family: np.ndarray) -> np.ndarray:
    """(sets,) bool, the sets in the direction of the strongest of a known family."""
    known = family >= 0
    if not known.any():
        return known
    direction = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    along = np.abs(direction @ direction[np.argmax(known)])
    return np.asarray(known & (along > np.cos(np.radians(_PARALLEL_DEG))))


def _amorphous(spectrum: Spectrum, family: np.ndarray) -> Domains:
    """Fringes of no known spacing are not those of the structure."""
    none = np.full(len(family), -1)
    return Domains("amorphous", 0.5, (), none, none, np.zeros((0, 2, 2)), np.full(spectrum.flat.shape, -1))
