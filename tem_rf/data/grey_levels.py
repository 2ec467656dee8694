"""Change the grey levels of images: power law, uneven illumination."""

import numpy as np

_BLACK, _WHITE = 0.1, 99.9  # percentiles that become black and white, as programs stretch an image for display


def apply_gamma(image: np.ndarray, exponent: float) -> np.ndarray:
    """Stretch the grey levels to between black and white, and raise them to a power.

    Args:
        image: (height, width).
        exponent: Above 1 darkens and keeps contrast among bright pixels; below 1, the opposite.

    Returns:
        (height, width), between 0 and 1.
    """
    black, white = np.percentile(image[::2, ::2], (_BLACK, _WHITE))
    return np.asarray(np.clip((image - black) / max(white - black, 1e-6), 0, 1) ** exponent)


def tilt_illumination(image: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Add a brightness that changes smoothly across the image: a slope in any direction, and a bowl or dome.

    Args:
        image: (height, width).
        strength: Difference between the brightest and the darkest place.
        random: Determines direction, and how much is slope.
    """
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in image.shape)
    angle, part = random.uniform(0, 2 * np.pi), random.uniform(-1, 1)
    row, column = random.uniform(-0.5, 0.5, 2)
    slope = np.sin(angle) * y[:, np.newaxis] + np.cos(angle) * x
    bowl = (y - row)[:, np.newaxis] ** 2 + (x - column) ** 2
    field = (1 - abs(part)) * slope / 2 + part * bowl / 2
    return image + field * (strength / max(float(np.ptp(field)), 1e-6))
