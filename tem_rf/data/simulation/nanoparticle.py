"""Gold nanoparticles, atom by atom."""

import numpy as np
from numpy.random import Generator

LATTICE_CONSTANT_NM = 0.4078
ATOM_RADIUS_NM = 0.144  # half the distance of neighbours in the metal

# Surface energies of {100} and {111} as in a regular truncated octahedron: Wulff distances 2/sqrt(3) apart.
_WULFF_RATIO = 2 / np.sqrt(3)
_FACET_111 = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / np.sqrt(3)
_FACET_100 = np.concatenate([np.eye(3), -np.eye(3)])


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
    distance_111 = depth * rng.normal(1, 0.03, len(_FACET_111))
    distance_100 = depth * _WULFF_RATIO * rng.normal(1, 0.03, len(_FACET_100))
    atoms = _fcc_lattice(radius, offset=rng.random(3))
    inside = np.einsum("ij,ij->i", atoms, atoms) <= radius**2
    inside &= (atoms @ _FACET_111.T <= distance_111).all(1)
    inside &= (atoms @ _FACET_100.T <= distance_100).all(1)
    turn = random_rotation(rng) if orientation is None else orientation
    return atoms[inside] @ turn.T


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
