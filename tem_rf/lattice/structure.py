"""Lattice planes and zone axes of a known structure, which fringes are compared with."""

import itertools
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np

from tem_rf.data.simulation.crystals import MATERIALS, Crystal, crystal
from tem_rf.data.simulation.scattering import scattering_factor
from tem_rf.errors import ReadError, SettingsError

MIN_SPACING_NM = 0.1  # finer fringes are beyond the information limit of most microscopes
MAX_SPACING_NM = 1.2  # wider ones are not told apart from the outline of a particle
_MAX_INDEX = 3  # of a zone axis; the zones of higher indices show one set of fringes at most
_MAX_PLANES = 4000
_FORBIDDEN = 1e-3  # of the strongest intensity
_SAME_SPACING = 1e-4  # relative difference up to which two planes belong to one family


@dataclass(frozen=True)
class Family:
    """Planes of one spacing.

    Attributes:
        name: Indices, {111} in cubic crystals, (100) otherwise.
        spacing_nm: Distance between planes [nm].
        strength: Kinematic intensity of the strongest reflection, relative to that of the strongest family.
    """

    name: str
    spacing_nm: float
    strength: float


@dataclass(frozen=True, eq=False)
class Zone:
    """Planes that are parallel to one direction, and therefore visible together along it.

    Attributes:
        name: Indices of the direction, <110> in cubic crystals, [110] otherwise.
        planes: (n, 2) reciprocal vectors of the allowed planes in the plane across the direction [1/nm], both signs.
        family: (n,) index of each in the families of the structure.
        basis: (2, 2) rows that span the reciprocal lattice of the zone [1/nm].
        indices: Sum of the squared indices of the direction.
    """

    name: str
    planes: np.ndarray
    family: np.ndarray
    basis: np.ndarray
    indices: int


@dataclass(frozen=True, eq=False)
class Structure:
    """What a crystal can show in a micrograph.

    Attributes:
        crystal: The crystal.
        families: Families of allowed planes, from the widest spacing to the finest.
        zones: Zone axes with at least two sets of planes, one of each symmetry, lowest indices first.
        twin_planes: Name of the family at which twins mirror the lattice; None where no common law is known.
    """

    crystal: Crystal
    families: tuple[Family, ...]
    zones: tuple[Zone, ...]
    twin_planes: str | None

    @property
    def spacings_nm(self) -> np.ndarray:
        """(families,) spacings [nm]."""
        return np.array([family.spacing_nm for family in self.families])


@lru_cache(maxsize=16)
def read_structure(lattice: str) -> Structure:
    """The planes of a material or of a CIF file. Upper and lower case do not matter in the name of a material.

    Args:
        lattice: A material, such as Au, Ag, Pt, Pd or CdSe, or the path of a .cif file.

    Raises:
        SettingsError: There is no such material.
        ReadError: The CIF file cannot be read, or its structure has no planes that a micrograph could show.

    Source: structure factor in the kinematic approximation, Williams & Carter 2009, "Transmission Electron Microscopy",
    chapters 13 and 16. Planes whose intensity vanishes are left out.

    >>> [(one.name, round(one.spacing_nm, 4)) for one in read_structure("au").families[:3]]
    [('{111}', 0.2354), ('{200}', 0.2039), ('{220}', 0.1442)]
    """
    by_name = {name.lower(): name for name in MATERIALS}
    if not lattice.lower().endswith(".cif") and lattice.lower() not in by_name:
        raise SettingsError(
            f"`lattice`: expected one of {', '.join(MATERIALS)}, or the path of a .cif file, received {lattice!r}."
        )
    return plane_table(crystal(by_name.get(lattice.lower(), lattice)))


def plane_table(matter: Crystal) -> Structure:
    """The planes and zone axes of a crystal.

    Raises:
        ReadError: It has no planes between 0.1 and 1.2 nm.
    """
    indices, spacings, strength = _planes(matter)
    if not len(indices):
        raise ReadError(f"{matter.material}: has no lattice planes from {MIN_SPACING_NM} to {MAX_SPACING_NM} nm.")
    cubic = _is_cubic(matter)
    families, family = _families(indices, spacings, strength, cubic)
    zones = _zones(matter, indices, family, cubic)
    return Structure(matter, families, zones, _twin_planes(matter, families, cubic))


def _planes(matter: Crystal) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Allowed planes: (n, 3) indices, (n,) spacings [nm] and (n,) relative intensities."""
    reach = np.minimum(np.ceil(np.linalg.norm(matter.cell, axis=1) / MIN_SPACING_NM).astype(int), 25)
    indices = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))))
    vectors = indices @ np.linalg.inv(matter.cell).T
    length = np.linalg.norm(vectors, axis=1)
    kept = (length > 1 / MAX_SPACING_NM) & (length < 1 / MIN_SPACING_NM)
    indices, length = indices[kept], length[kept]
    order = np.argsort(length, kind="stable")[:_MAX_PLANES]
    indices, length = indices[order], length[order]
    motion = [np.exp(-one.debye_waller / 4 * (length / 10) ** 2) for one in matter.elements]
    factors = np.array([scattering_factor(one, length) for one in matter.elements]) * motion  # (elements, n)
    phases = np.exp(2j * np.pi * (indices @ matter.sites.T))  # (n, sites)
    intensity = np.abs(np.einsum("ns,sn->n", phases, factors[matter.species])) ** 2
    allowed = intensity > _FORBIDDEN * intensity.max(initial=0)
    return indices[allowed], 1 / length[allowed], intensity[allowed] / intensity.max(initial=1)


def _twin_planes(matter: Crystal, families: tuple[Family, ...], cubic: bool) -> str | None:
    """{111} of face-centred cubic, {211} of body-centred cubic, (102) of hexagonal close-packed crystals.

    Source: Christian and Mahajan 1995, Progress in Materials Science 39, 1.
    """
    if cubic:
        return {"{111}": "{111}", "{110}": "{211}"}.get(families[0].name)
    return "(102)" if matter.lattice == "hcp" else None


def _is_cubic(matter: Crystal) -> bool:
    return bool(np.allclose(matter.cell, np.eye(3) * matter.cell[0, 0], rtol=1e-6))


def _families(
    indices: np.ndarray, spacings: np.ndarray, strength: np.ndarray, cubic: bool
) -> tuple[tuple[Family, ...], np.ndarray]:
    """Group planes by spacing; planes of equal spacing cannot be told apart by their fringes."""
    group = np.concatenate([[0], np.cumsum(np.diff(spacings) < -_SAME_SPACING * spacings[1:])])
    families = []
    for number in range(group[-1] + 1):
        own = np.flatnonzero(group == number)
        # The name is that of the indices with the most positive ones: {111} rather than {-1-1-1}.
        first = max((tuple(map(int, indices[one])) for one in own), key=lambda hkl: (min(hkl), hkl))
        name = _plain(sorted(map(abs, first), reverse=True) if cubic else first)
        families.append(
            Family(f"{{{name}}}" if cubic else f"({name})", float(spacings[own].mean()), float(strength[own].max()))
        )
    return tuple(families), group


def _zones(matter: Crystal, indices: np.ndarray, family: np.ndarray, cubic: bool) -> tuple[Zone, ...]:
    reciprocal = np.linalg.inv(matter.cell).T
    seen: set[bytes] = set()
    zones = []
    directions = [
        uvw
        for uvw in itertools.product(range(_MAX_INDEX, -_MAX_INDEX - 1, -1), repeat=3)
        if gcd(*uvw) == 1 and uvw > (0, 0, 0) and (not cubic or uvw[0] >= uvw[1] >= uvw[2] >= 0)
    ]
    for uvw in sorted(directions, key=lambda one: (sum(index * index for index in one), [-index for index in one])):
        own = np.flatnonzero(indices @ np.array(uvw) == 0)
        if len(own) < 4:
            continue
        vectors = indices[own] @ reciprocal
        across = _frame(np.array(uvw) @ matter.cell)
        planes = vectors @ across.T
        if np.linalg.matrix_rank(planes, tol=1e-6) < 2:
            continue
        # Directions of equal symmetry show the same lengths and angles.
        key = np.round(np.sort(np.abs(planes @ planes.T), axis=None), 4).tobytes()
        if key in seen:
            continue
        seen.add(key)
        name = _plain(sorted(uvw, reverse=True) if cubic else uvw)
        zones.append(
            Zone(
                f"<{name}>" if cubic else f"[{name}]",
                planes,
                family[own],
                _primitive(planes),
                sum(index * index for index in uvw),
            )
        )
    return tuple(zones)


def _frame(direction: np.ndarray) -> np.ndarray:
    """(2, 3) orthonormal vectors across a direction."""
    direction = direction / np.linalg.norm(direction)
    first = np.cross(direction, np.eye(3)[np.argmin(np.abs(direction))])
    first /= np.linalg.norm(first)
    return np.array([first, np.cross(direction, first)])


def _primitive(planes: np.ndarray) -> np.ndarray:
    """Two vectors that span all others: of the pairs with the smallest area, the shortest."""
    length = np.linalg.norm(planes, axis=1)
    planes = planes[np.argsort(length, kind="stable")[:40]]
    areas = np.abs(np.outer(planes[:, 0], planes[:, 1]) - np.outer(planes[:, 1], planes[:, 0]))
    areas[areas < 1e-6 * areas.max()] = np.inf
    lengths = np.add.outer(*2 * [np.linalg.norm(planes, axis=1)])
    first, second = np.unravel_index(np.argmin(np.where(areas < 1.001 * areas.min(), lengths, np.inf)), areas.shape)
    return planes[[first, second]]


def _plain(indices: "list[int] | tuple[int, ...]") -> str:
    """111, or 10-1: negative indices have a minus sign."""
    return "".join(map(str, indices)) if max(map(abs, indices)) < 10 else " ".join(map(str, indices))
