"""Rotate and scale a patch together with its label."""

import numpy as np


def turn_and_scale(
    image: np.ndarray, label: np.ndarray, *, degrees: float, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rotate a patch around its centre, and enlarge it, and reflect it where it ends.

    Args:
        image: (height, width), interpolated bicubically.
        label: (height, width), whose values are kept.
        degrees: Rotation, counterclockwise on the screen [°].
        scale: Above 1 enlarges.

    Returns:
        image and label, of the same shapes and types; the image keeps its mean and standard deviation approximately.
    """
    from PIL import Image

    height, width = image.shape
    angle = np.deg2rad(degrees)
    reach = (abs(np.cos(angle)) + abs(np.sin(angle))) / scale - 1
    pad = min(int(np.ceil(max(reach, 0) * max(height, width) / 2)) + 2, min(height, width) - 1)
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    x, y = width / 2, height / 2
    coefficients = (
        cosine, -sine, x - cosine * x + sine * y + pad,
        sine, cosine, y - sine * x - cosine * y + pad,
    )  # fmt: skip

    def moved(values: np.ndarray, resampling: Image.Resampling) -> np.ndarray:
        padded = np.pad(values, pad, mode="reflect").astype(np.float32)
        turned = Image.fromarray(padded).transform(
            (width, height), Image.Transform.AFFINE, coefficients, resampling, fillcolor=0
        )
        return np.asarray(turned).astype(values.dtype)

    return moved(image, Image.Resampling.BICUBIC), moved(label, Image.Resampling.NEAREST)
