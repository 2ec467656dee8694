"""The place of a maximum between pixels."""

import numpy as np


def vertex(image: np.ndarray, row: int, column: int) -> np.ndarray:
    """Vertex of the paraboloid through a local maximum and its eight neighbours, by least squares.

    Exact for the logarithm of a Gaussian.

    Args:
        image: (h, w); neighbours beyond the edge are those of the opposite edge, as in a Fourier transform.
        row: Row of the maximum.
        column: Its column.

    Returns:
        (2,) row and column, at most one pixel from the maximum; the maximum itself where the paraboloid has none.

    >>> rows, columns = np.indices((7, 7))
    >>> vertex(-((rows - 3.25) ** 2) - (columns - 2.9) ** 2, 3, 3).round(6).tolist()
    [3.25, 2.9]
    """
    rows, columns = (row + np.arange(-1, 2)) % image.shape[0], (column + np.arange(-1, 2)) % image.shape[1]
    around = image[rows[:, None], columns]
    # Least squares of a + b x + c y + d x² + e x y + f y² over 3 x 3 places.
    y, x = np.indices((3, 3)) - 1
    terms = np.stack([np.ones(9), *(part.ravel() for part in (x, y, x * x, x * y, y * y))], axis=1)
    _, b, c, d, e, f = np.linalg.lstsq(terms, around.ravel(), rcond=None)[0]
    curvature = np.array([[2 * f, e], [e, 2 * d]])
    if d >= 0 or np.linalg.det(curvature) <= 0:
        return np.array([row, column], float)
    return np.array([row, column]) + np.clip(np.linalg.solve(curvature, [-c, -b]), -1, 1)
