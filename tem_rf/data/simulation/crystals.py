"""Crystals that particles are cut from: materials by name, and structures from CIF files."""

import itertools
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tem_rf.data.simulation.scattering import Element, element
from tem_rf.errors import ReadError, SettingsError
from tem_rf.files import read_small_file

_LARGEST_FILE = 2_000_000  # bytes
_MOST_SITES = 2_000  # atoms of a cell
_CELL_NM = (0.15, 10.0)
_SMALLEST_SPACING_NM = 0.08  # of the planes (100), (010), (001); a reduced cell of real atoms has larger ones
_ROUNDED = 0.01  # how far the sides of a cell, squared, may depart from its symmetry, relative
_FARTHEST_CELL = 1000  # an atom is in the cell or in one beside it; what is farther away has lost its digits
_SHORTEST_BOND_NM = 0.06  # of hydrogen; closer atoms are alternatives of a disordered structure


@dataclass(frozen=True, eq=False)
class Crystal:
    """A crystal, by its unit cell.

    Attributes:
        material: Name or formula.
        lattice: Structure type, or the space group of a CIF file.
        cell: (3, 3) rows a, b, c [nm].
        sites: (n, 3) places in the cell, in parts of a, b, c.
        species: (n,) index of each site's element.
        elements: The elements.
        facets: Families {hkl} that may bound a particle, with relative distances from its centre.
        neighbour_nm: Distance of nearest neighbours [nm].
    """

    material: str
    lattice: str
    cell: np.ndarray
    sites: np.ndarray
    species: np.ndarray
    elements: tuple[Element, ...]
    facets: tuple[tuple[tuple[int, int, int], float], ...]
    neighbour_nm: float

    @property
    def is_close_packed_cubic(self) -> bool:
        """Whether it is an fcc metal, which twins and makes multiply twinned particles."""
        return self.lattice == "fcc"

    @property
    def atoms_per_nm3(self) -> float:
        """Density of atoms [1/nm³]."""
        return len(self.sites) / abs(float(np.linalg.det(self.cell)))


# Lattice constants at room temperature [nm]: a, or a and c. Pearson's Handbook of Crystallographic Data.
_METALS: dict[str, tuple[str, tuple[float, ...]]] = {
    "Au": ("fcc", (0.4078,)),
    "Ag": ("fcc", (0.4086,)),
    "Pt": ("fcc", (0.3924,)),
    "Pd": ("fcc", (0.3890,)),
    "Cu": ("fcc", (0.3615,)),
    "Ni": ("fcc", (0.3524,)),
    "Rh": ("fcc", (0.3803,)),
    "Al": ("fcc", (0.4049,)),
    "Fe": ("bcc", (0.2866,)),
    "W": ("bcc", (0.3165,)),
    "Co": ("hcp", (0.2507, 0.4069)),
    "Ru": ("hcp", (0.2706, 0.4282)),
}
_COMPOUNDS: dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
    "CdSe": ("wurtzite", ("Cd", "Se"), (0.4299, 0.7010)),
    "CdSe-zb": ("zinc blende", ("Cd", "Se"), (0.6052,)),
    "ZnS": ("zinc blende", ("Zn", "S"), (0.5409,)),
    "ZnO": ("wurtzite", ("Zn", "O"), (0.3250, 0.5207)),
    "PbS": ("rock salt", ("Pb", "S"), (0.5936,)),
}
MATERIALS = (*_METALS, *_COMPOUNDS)

_FCC = [[0.0, 0.0, 0.0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
_HCP = [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]
_U = 0.375  # of ideal wurtzite
_SITES: dict[str, tuple[list[list[float]], list[int]]] = {
    "fcc": (_FCC, [0] * 4),
    "bcc": ([[0, 0, 0], [0.5, 0.5, 0.5]], [0, 0]),
    "hcp": (_HCP, [0, 0]),
    "zinc blende": (_FCC + [[x + 0.25, y + 0.25, z + 0.25] for x, y, z in _FCC], [0] * 4 + [1] * 4),
    "rock salt": (_FCC + [[x + 0.5, y, z] for x, y, z in _FCC], [0] * 4 + [1] * 4),
    "wurtzite": (
        [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, _U], [2 / 3, 1 / 3, 0.5 + _U]],
        [0, 0, 1, 1],
    ),
}
# In a regular truncated octahedron {100} lies 2/sqrt(3) times as far from the centre as {111}.
_FACETS: dict[str, tuple[tuple[tuple[int, int, int], float], ...]] = {
    "fcc": (((1, 1, 1), 1.0), ((1, 0, 0), 2 / 3**0.5)),
    "bcc": (((1, 1, 0), 1.0), ((1, 0, 0), 1.15)),
    "hcp": (((0, 0, 1), 1.0), ((1, 0, 0), 1.05), ((1, 0, 1), 1.05)),
    "zinc blende": (((1, 1, 1), 1.0), ((1, 0, 0), 1.1)),
    "rock salt": (((1, 0, 0), 1.0), ((1, 1, 0), 1.2)),
    "wurtzite": (((0, 0, 1), 1.05), ((1, 0, 0), 1.0)),
}
_OTHER_FACETS: tuple[tuple[tuple[int, int, int], float], ...] = (
    ((1, 0, 0), 1.0),
    ((0, 1, 0), 1.0),
    ((0, 0, 1), 1.0),
    ((1, 1, 1), 1.1),
)


@lru_cache(maxsize=16)
def crystal(material: str) -> Crystal:
    """The crystal of a material, or of a CIF file.

    Args:
        material: One of `MATERIALS`, or the path of a .cif file.

    Raises:
        SettingsError: There is no such material.
        ReadError: The file cannot be read, or holds no structure that could be simulated.
    """
    if material.lower().endswith(".cif"):
        return read_cif(Path(material))
    symbols: tuple[str, ...]
    if material in _METALS:
        lattice, constants = _METALS[material]
        symbols = (material,)
    elif material in _COMPOUNDS:
        lattice, symbols, constants = _COMPOUNDS[material]
    else:
        raise SettingsError(
            f"`material`: expected one of {', '.join(MATERIALS)}, or the path of a .cif file, received {material!r}."
        )
    a, c = constants[0], constants[-1]
    hexagonal = lattice in ("hcp", "wurtzite")
    cell = np.array([[a, 0, 0], [-a / 2, a * 3**0.5 / 2, 0], [0, 0, c]]) if hexagonal else np.eye(3) * a
    sites, species = _SITES[lattice]
    return _build(material, lattice, cell, np.array(sites), np.array(species), tuple(map(element, symbols)))


def read_cif(path: Path) -> Crystal:
    """The crystal of a CIF file: cell, atoms, symmetry. Nothing in the file is executed, and its size is bounded.

    Raises:
        ReadError: The file is missing, too large or no CIF; it lacks the cell or atoms; an atom is of no known
            element or occupies its site in part; or the cell or a bond has an impossible length.
    """
    import gemmi

    try:
        text = read_small_file(path, _LARGEST_FILE).decode("utf-8", errors="replace")
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise ReadError(f"{path}: {error}.") from error
    try:
        blocks = [block for block in gemmi.cif.read_string(text) if block.find_loop("_atom_site_fract_x")]
        structure = gemmi.make_small_structure_from_block(blocks[0]) if blocks else None
    except (ValueError, RuntimeError) as error:
        raise ReadError(f"{path}: is no CIF ({' '.join(str(error).split())[:120]}).") from error
    if structure is None:
        raise ReadError(f"{path}: has no atoms (_atom_site_fract_x is missing).")
    try:
        return _from_structure(structure, blocks[0], path)
    except ReadError as error:
        raise ReadError(f"{path}: {error}") from error


def _from_structure(structure, block, path: Path) -> Crystal:  # type: ignore[no-untyped-def]  # gemmi has no stubs
    tags = [f"_cell_length_{axis}" for axis in "abc"] + [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
    if missing := [tag for tag in tags if _number(block.find_value(tag)) is None]:
        raise ReadError(f"has no unit cell ({missing[0]} is missing or no number).")
    own = structure.cell
    lengths = [own.a / 10, own.b / 10, own.c / 10]
    if not all(_CELL_NM[0] <= length <= _CELL_NM[1] for length in lengths) or not own.volume > 1e-3:
        sides = " x ".join(f"{length:.4g}" for length in lengths)
        raise ReadError(f"has a cell of {sides} nm, expected sides from {_CELL_NM[0]:g} to {_CELL_NM[1]:g} nm.")
    if not all(0 < angle < 180 for angle in (own.alpha, own.beta, own.gamma)):
        raise ReadError(f"has a cell {_named(own)}, expected angles between 0 and 180 degrees.")
    spacing = 1 / float(np.linalg.norm(np.linalg.inv(_cell(own)), axis=0).max())
    if not spacing >= _SMALLEST_SPACING_NM:
        raise ReadError(
            f"has a cell so oblique that its planes are {spacing:.2g} nm apart, expected at least "
            f"{_SMALLEST_SPACING_NM:g} nm; write the reduced cell."
        )
    for site in structure.sites:
        if site.element.name == "X" or site.element.atomic_number > 103:
            raise ReadError(f"atom {site.label}: is of no known element.")
        if abs(site.occ - 1) > 1e-3:
            raise ReadError(
                f"atom {site.label}: occupies its site to {site.occ:.3g}, expected 1; make an ordered structure of it."
            )
        if not all(abs(coordinate) <= _FARTHEST_CELL for coordinate in site.fract.tolist()):
            raise ReadError(
                f"atom {site.label}: has the coordinates {', '.join(f'{one:.4g}' for one in site.fract.tolist())}, "
                f"expected parts of the cell's sides from -{_FARTHEST_CELL} to {_FARTHEST_CELL}."
            )
    _check_symmetry(structure)
    operations = max(len(structure.symops), len(structure.spacegroup.operations()) if structure.spacegroup else 1)
    if not structure.sites or len(structure.sites) * operations > 20 * _MOST_SITES:
        raise ReadError(f"has {len(structure.sites)} atoms, expected 1 to {_MOST_SITES} in the cell.")
    sites = structure.get_all_unit_cell_sites()
    if len(sites) > _MOST_SITES:
        raise ReadError(f"has {len(sites)} atoms in the cell, expected at most {_MOST_SITES}.")
    kinds = sorted({(site.element.name, _debye_waller(site.u_iso)) for site in sites}, key=str)
    species = [kinds.index((site.element.name, _debye_waller(site.u_iso))) for site in sites]
    group = structure.spacegroup.short_name() if structure.spacegroup else "P1"
    return _build(
        path.stem,
        group,
        _cell(own),
        np.array([site.fract.tolist() for site in sites]),
        np.array(species),
        tuple(element(symbol, b) for symbol, b in kinds),
    )


def _cell(own) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Rows a, b, c of gemmi's unit cell: (3, 3) [nm]."""
    return np.array(own.orth.mat.tolist()).T / 10


def _check_symmetry(structure) -> None:  # type: ignore[no-untyped-def]
    """Whether all operations are read, since one that is not would leave atoms out, and leave the cell as it is."""
    import gemmi

    operations = []
    for operation in structure.symops:
        try:
            operations.append(gemmi.Op(operation))
        except RuntimeError as error:
            raise ReadError(
                f"has {operation[:40]!r} for a symmetry operation, expected one such as x,1/2-y,z."
            ) from error
    group = structure.spacegroup_hm or structure.spacegroup_number
    if group and not structure.symops and structure.spacegroup is None:
        raise ReadError(f"is of space group {group}, which is not known; write its symmetry operations into the file.")
    if structure.spacegroup is not None:
        operations = list(structure.spacegroup.operations())
    metric = _cell(structure.cell) @ _cell(structure.cell).T
    for operation in operations:
        turn = np.array(operation.rot) / operation.DEN
        if not np.allclose(turn.T @ metric @ turn, metric, atol=_ROUNDED * metric.max()):
            raise ReadError(
                f"has a cell {_named(structure.cell)} that does not have the symmetry {operation.triplet()}; correct "
                "the cell or the space group."
            )


def _named(cell) -> str:  # type: ignore[no-untyped-def]
    sides, angles = (cell.a / 10, cell.b / 10, cell.c / 10), (cell.alpha, cell.beta, cell.gamma)
    return f"of {' x '.join(f'{one:.4g}' for one in sides)} nm and {', '.join(f'{one:.4g}' for one in angles)} degrees"


def _number(text: str | None) -> float | None:
    import gemmi

    value = gemmi.cif.as_number(text) if text else float("nan")
    return value if np.isfinite(value) else None


def _debye_waller(u_iso: float) -> float | None:
    """B [Å²] of a mean square displacement [Å²]; None where the file gives none that could be."""
    return round(8 * np.pi**2 * u_iso, 4) if 0 < u_iso < 0.1 else None


def _build(
    material: str,
    lattice: str,
    cell: np.ndarray,
    sites: np.ndarray,
    species: np.ndarray,
    elements: tuple[Element, ...],
) -> Crystal:
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    images = ((sites[:, None] + shifts).reshape(-1, 3)) @ cell
    from scipy.spatial import KDTree

    nearest = KDTree(images).query(sites @ cell, 2)[0][:, 1]
    if nearest.min() < _SHORTEST_BOND_NM:
        raise ReadError(
            f"has atoms {nearest.min() * 10:.2g} Å from each other, so it is disordered; make an ordered structure "
            "of it."
        )
    facets = _FACETS.get(lattice, _OTHER_FACETS)
    return Crystal(material, lattice, cell, sites % 1.0, species, elements, facets, float(nearest.min()))


def facet_normals(crystal: Crystal) -> tuple[np.ndarray, np.ndarray]:
    """All facets of the families: (n, 3) unit normals in the frame of the cell, and (n,) relative distances.

    In hexagonal cells the equivalent planes are those of the cell turned by 60°.
    """
    reciprocal = np.linalg.inv(crystal.cell).T
    cubic = np.allclose(crystal.cell, np.eye(3) * crystal.cell[0, 0])
    turns = [np.eye(3)]
    if crystal.lattice in ("hcp", "wurtzite"):
        cosines = [(np.cos(angle), np.sin(angle)) for angle in np.pi / 3 * np.arange(6)]
        turns = [np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) for c, s in cosines]
    normals, distances = [], []
    for hkl, distance in crystal.facets:
        orders: set[tuple[int, ...]] = set(itertools.permutations(hkl)) if cubic else {hkl}
        signed = {
            tuple(int(sign * index) for sign, index in zip(signs, order, strict=True))
            for order in orders
            for signs in itertools.product((-1, 1), repeat=3)
        }
        for indices in sorted(signed):
            normal = np.array(indices) @ reciprocal
            for turn in turns:
                normals.append(turn @ normal / np.linalg.norm(normal))
                distances.append(distance)
    unique = np.unique(np.round(np.column_stack([normals, distances]), 9), axis=0)
    return unique[:, :3], unique[:, 3]
