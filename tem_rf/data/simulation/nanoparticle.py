"""Gold nanoparticles, atom by atom."""

import numpy as np
from numpy.random import Generator

LATTICE_CONSTANT_NM = 0.4078
ATOM_RADIUS_NM = 0.144  # half the distance of neighbours in the metal

# Facets {111} and {100}; in a regular truncated octahedron {100} lies 2/sqrt(3) times as far from the centre.
_FACETS = np.concatenate(
    [
        np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / np.sqrt(3),
        np.eye(3),
        -np.eye(3),
    ]
)
_WULFF_DISTANCES = np.array([1.0] * 8 + [2 / np.sqrt(3)] * 6)


def grow_nanoparticle(diameter_nm: float, rng: Generator, *, orientation: np.ndarray | None = None) -> np.ndarray:
    """Cut a particle out of an fcc crystal: a truncated octahedron with edges rounded by a sphere, or a sphere.

    Args:
        diameter_nm: Outer diameter, atoms with their radius included [nm].
        rng: Draws how deep the facets cut, where the centre lies in the cell and how the particle is turned.
        orientation: (3, 3) rotation in place of a random one.

    Returns:
        (n, 3) positions around the centre [nm], columns x, y, z; the beam goes along z.
    """
    radius = max(diameter_nm / 2 - ATOM_RADIUS_NM, 0.0)
    # From deep facets to a sphere; each facet lies a little elsewhere, since real particles are not ideal.
    depth = radius * rng.uniform(0.84, 1.02)
    distances = depth * _WULFF_DISTANCES * rng.normal(1, 0.03, len(_FACETS))
    atoms = _fcc_lattice(radius, offset=rng.random(3))
    atoms = atoms[np.einsum("ij,ij->i", atoms, atoms) <= radius**2]
    for normal, distance in zip(_FACETS, distances, strict=True):
        atoms = atoms[atoms @ normal <= distance]
    turn = random_rotation(rng) if orientation is None else orientation
    return atoms @ turn.T


def random_rotation(rng: Generator) -> np.ndarray:
    """A rotation matrix (3, 3), all orientations equally likely: a unit quaternion from four normal numbers."""
    w, x, y, z = (q := rng.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _fcc_lattice(radius_nm: float, offset: np.ndarray) -> np.ndarray:
    """All sites of an fcc crystal in a cube that holds the sphere: (n, 3) [nm]."""
    reach = int(np.ceil(radius_nm / LATTICE_CONSTANT_NM)) + 1
    cells = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return (cells + basis + offset).reshape(-1, 3) * LATTICE_CONSTANT_NM
