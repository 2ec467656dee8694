"""Lattice sites of a particle: one crystal, or the twins, faults and grains that metal particles are made of."""

import itertools

import numpy as np
from numpy.random import Generator

from tem_rf.data.simulation.crystals import Crystal
from tem_rf.data.simulation.rotations import random_rotation

# Axes of the close-packed frame in the frame of an fcc cell: [1-10], [11-2] and [111], along which layers are stacked.
STACKING_FRAME = np.array([[1, -1, 0], [1, 1, -2], [1, 1, 1]]) / np.sqrt([[2], [6], [3]])
_SITES_AT_A_TIME = 2_000_000  # of the cells around a sphere, most of which an oblique cell puts outside of it
_TOO_CLOSE = 0.8  # of the distance of neighbours; at a boundary of grains one of two such atoms is left out


def grains(matter: Crystal, radius: float, defect: str, rng: Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All sites within a sphere.

    Args:
        matter: The crystal.
        radius: Of the sphere [nm].
        defect: As in `Nanoparticle`.
        rng: Draws the position of the centre, those of twin planes and the rotation of grains.

    Returns:
        (n, 3) positions [nm], (n,) species, and the (3, 3) rotation from the frame of the cell to that of the
        positions, for the first grain.
    """
    if defect == "single":
        atoms, species = _fill(matter, radius, rng)
        return atoms, species, np.eye(3)
    if defect == "polycrystal":
        return _polycrystal(matter, radius, rng)
    neighbour = matter.neighbour_nm
    if defect == "decahedron":
        atoms, frame = _decahedron(neighbour, radius)
        atoms = atoms + rng.uniform(-0.4, 0.4, 3) * radius * np.array([1, 1, 0])  # the axis is seldom in the middle
    elif defect == "icosahedron":
        atoms, frame = _icosahedron(neighbour, radius), np.eye(3)
    else:
        atoms, frame = _stack(neighbour, radius, _stacking(defect, neighbour, radius, rng), rng), STACKING_FRAME
    atoms = atoms[np.einsum("ij,ij->i", atoms, atoms) <= radius**2]
    return atoms, np.zeros(len(atoms), dtype=int), frame


def _fill(
    matter: Crystal, radius: float, rng: Generator, turn: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sites of one crystal within the sphere, with the centre anywhere in the cell."""
    spacings = 1 / np.linalg.norm(np.linalg.inv(matter.cell), axis=0)  # of the planes (100), (010), (001)
    reach = np.ceil(radius / spacings).astype(int) + 1
    origin = rng.random(3)
    sites_per_layer = len(matter.sites) * int(np.prod(2 * reach[1:] + 1))
    layers = np.arange(-reach[0], reach[0] + 1)
    parts = []
    for some in np.array_split(layers, max(1, len(layers) * sites_per_layer // _SITES_AT_A_TIME)):
        axes = (some, *(np.arange(-n, n + 1) for n in reach[1:]))
        cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 1, 3)
        atoms = ((cells + matter.sites + origin) @ matter.cell).reshape(-1, 3)
        inside = np.einsum("ij,ij->i", atoms, atoms) <= radius**2
        parts.append((atoms[inside], np.tile(matter.species, len(cells))[inside]))
    atoms, species = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return atoms if turn is None else atoms @ turn.T, species


def _polycrystal(matter: Crystal, radius: float, rng: Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two to four crystals, each the part of the sphere that is nearest to its own point."""
    from scipy.spatial import KDTree

    count = int(rng.integers(2, 5))
    points = rng.normal(size=(count, 3))
    points *= radius * 0.6 / np.linalg.norm(points, axis=1)[:, None]
    turns = [random_rotation(rng) for _ in range(count)]
    parts = []
    for index, turn in enumerate(turns):
        atoms, species = _fill(matter, radius, rng, turn)
        nearness = atoms @ points.T  # all points are as far from the centre
        lead = nearness[:, index] - np.delete(nearness, index, axis=1).max(axis=1)
        parts.append((atoms[lead > 0], species[lead > 0], lead[lead > 0]))
    atoms, species, lead = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    at_boundary = np.flatnonzero(lead < 2 * np.linalg.norm(points[0]) * matter.neighbour_nm)
    pairs = KDTree(atoms[at_boundary]).query_pairs(_TOO_CLOSE * matter.neighbour_nm, output_type="ndarray")
    left_out = at_boundary[pairs[:, 1]]
    return np.delete(atoms, left_out, axis=0), np.delete(species, left_out), turns[0]


def _stacking(defect: str, neighbour: float, radius: float, rng: Generator) -> np.ndarray:
    """Steps from layer to layer: 1 as in fcc, -1 as in its twin."""
    layers = 2 * int(np.ceil(radius / (neighbour * np.sqrt(2 / 3)))) + 2
    steps = np.ones(layers, dtype=int)
    middle = rng.integers(layers // 4, layers - layers // 4)
    if defect == "twin":
        steps[middle:] = -1
    elif defect == "fault":
        steps[middle] = -1
    else:  # twins: lamellae of a few layers
        turns = rng.random(layers) < rng.uniform(0.1, 0.35)
        steps = np.where(np.cumsum(turns) % 2, -1, 1)
    return steps


def _stack(neighbour: float, radius: float, steps: np.ndarray, rng: Generator) -> np.ndarray:
    """Close-packed layers along z, each set off from the one below by a step: (n, 3) in the close-packed frame."""
    reach = int(np.ceil(radius / neighbour * 1.2)) + 2
    i, j = np.meshgrid(np.arange(-2 * reach, 2 * reach + 1), np.arange(-reach, reach + 1), indexing="ij")
    layer = np.stack([i + j / 2, j * np.sqrt(3) / 2], axis=-1).reshape(-1, 2) * neighbour
    layer = layer[np.linalg.norm(layer, axis=1) <= radius + 2 * neighbour]
    height = neighbour * np.sqrt(2 / 3)
    step = np.array([0.0, 1 / np.sqrt(3)]) * neighbour
    places = np.concatenate([[0], np.cumsum(steps)])[:-1] % 3
    shift, lift = rng.uniform(-0.5, 0.5, 2) * neighbour, rng.uniform(-0.5, 0.5) * height
    return np.concatenate(
        [
            np.column_stack([layer + place * step + shift, np.full(len(layer), (n - len(steps) / 2) * height + lift)])
            for n, place in enumerate(places)
        ]
    )


def _decahedron(neighbour: float, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Five crystals around a common [110] axis along z, each strained from 70.5° to 72° (Ino and Ogawa 1967).

    Sites of a wedge are i w1 + j w2 + k u, where u is the axis and w1, w2 are in the two {111} planes that hold it.
    """
    n = int(np.ceil(radius / neighbour * 1.9)) + 1
    i, j, k = (
        index.ravel() for index in np.meshgrid(np.arange(n), np.arange(n), np.arange(-2 * n, 2 * n), indexing="ij")
    )
    z = (k + (i + j) / 2) * neighbour
    near = np.abs(z) <= radius
    i, j, z = i[near], j[near], z[near]
    side = neighbour * np.sqrt(3) / 2
    wedges = []
    for m in range(5):
        first, second = (np.array([np.cos(a), np.sin(a)]) * side for a in 2 * np.pi / 5 * np.array([m, m + 1]))
        own = (i > 0) if m else (i > 0) | (j == 0)  # the shared plane and the axis count once
        wedges.append(np.column_stack([i[own, None] * first + j[own, None] * second, z[own]]))
    atoms = np.concatenate(wedges)
    # The first wedge's cell: u = [1-10] along z; its outward [11 0] bisects the wedge at 36°.
    bisector = np.array([np.cos(np.pi / 5), np.sin(np.pi / 5), 0])
    up = np.array([0, 0, 1.0])
    lab = np.array([bisector, np.cross(up, bisector), up])
    cell = np.array([[1, 1, 0], [0, 0, -1], [-1, 1, 0]]) / np.sqrt([[2], [1], [2]])
    return atoms, lab.T @ cell


def _icosahedron(neighbour: float, radius: float) -> np.ndarray:
    """Twenty strained tetrahedra around a point, shell by shell (Mackay 1962): (n, 3)."""
    golden = (1 + np.sqrt(5)) / 2
    signs = list(itertools.product((-1, 1), (-golden, golden)))
    corners = np.array([corner for a, b in signs for corner in ((0, a, b), (a, b, 0), (b, 0, a))])
    edge = 2.0  # of these corners
    # Neighbours along the edges lie 5 % farther apart than those along the radii; their mean is the usual distance.
    corners = corners / edge * neighbour * 1.04
    shells = int(np.ceil(radius / (0.75 * neighbour))) + 1
    close = np.linalg.norm(corners[:, None] - corners, axis=-1) < 1.1 * neighbour * 1.04
    faces = [
        (a, b, c) for a, b, c in itertools.combinations(range(12), 3) if close[a, b] and close[b, c] and close[a, c]
    ]
    index = np.array([(i, j, k) for i in range(shells) for j in range(shells - i) for k in range(shells - i - j)])
    atoms = np.concatenate([index @ corners[list(face)] for face in faces])
    return np.unique(np.round(atoms, 4) + 0.0, axis=0)
