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


def quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """Unit quaternion w, x, y, z of a rotation matrix (3, 3), with w >= 0."""
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    sign = -1.0 if w < 0 else 1.0
    return tuple(round(float(sign * part), 6) for part in (w, x, y, z))  # type: ignore[return-value]
