"""Particles with the fringes of a zone axis, drawn on speckle."""

import numpy as np

from tem_rf.lattice.structure import Structure

PIXEL_NM = 0.02152


def zone_vectors(structure: Structure, name: str, turn_deg: float, *, mirror: bool = False) -> np.ndarray:
    """(n, 2) reciprocal vectors in the image, one per set of planes [1/nm]: x to the right, y up."""
    zone = next(one for one in structure.zones if one.name == name)
    planes = zone.planes[(zone.planes[:, 1] > 1e-6) | ((np.abs(zone.planes[:, 1]) < 1e-6) & (zone.planes[:, 0] > 0))]
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (planes * [1, -1 if mirror else 1]) @ turn.T


def mirrored_at(vectors: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """The vectors of the twin that shares a plane."""
    along = plane / np.linalg.norm(plane)
    return vectors @ (2 * np.outer(along, along) - np.eye(2))


def draw_fringes(shape: tuple[int, int], vectors: np.ndarray, *, pixel_size_nm: float = PIXEL_NM) -> np.ndarray:
    """(h, w) sum of waves, weaker the finer they are."""
    rows, columns = np.indices(shape)
    image = np.zeros(shape)
    for number, (x, y) in enumerate(vectors):
        strength = 4 / np.hypot(x, y)
        image += strength * np.cos(2 * np.pi * pixel_size_nm * (x * columns - y * rows) + number)
    return image


def disc(shape: tuple[int, int], row: float, column: float, diameter: float) -> np.ndarray:
    """(h, w) bool."""
    rows, columns = np.indices(shape)
    return np.asarray(np.hypot(rows - row, columns - column) < diameter / 2)


def speckle(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Noise whose spectrum falls off smoothly; standard deviation about 1."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=shape)
    return gaussian_filter(noise, 1.5) / 0.19 * 0.9 + 0.3 * np.random.default_rng(seed + 1).normal(size=shape)
