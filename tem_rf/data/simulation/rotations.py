"""Rotations of crystals, and how they are written down."""

import numpy as np
from numpy.random import Generator


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


def rotation_along(direction: np.ndarray, tilt: float, rng: Generator) -> np.ndarray:
    """A rotation that brings a direction near the beam, which goes along z, turned at random about it.

    Args:
        direction: (3,) direction in the frame of the cell.
        tilt: Standard deviation of the tilt about x and about y [rad].
        rng: Draws turn and tilt.

    Returns:
        (3, 3) rotation from the frame of the cell to the microscope's.
    """
    from scipy.spatial.transform import Rotation

    aligned, _ = Rotation.align_vectors([[0, 0, 1]], [direction / np.linalg.norm(direction)])
    turn = Rotation.from_rotvec([0, 0, rng.uniform(0, 2 * np.pi)])
    away = Rotation.from_rotvec([*rng.normal(0, tilt, 2), 0])
    return np.asarray((away * turn * aligned).as_matrix())


def quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """Unit quaternion w, x, y, z of a rotation matrix (3, 3), with w >= 0."""
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    sign = -1.0 if w < 0 else 1.0
    return tuple(round(float(sign * part), 6) for part in (w, x, y, z))  # type: ignore[return-value]
