"""Segmentation without a network, as a baseline for the networks."""

from dataclasses import dataclass

import numpy as np

from tem_rf.baselines.bragg import find_band
from tem_rf.baselines.fourier import fourier_filter
from tem_rf.errors import NoBraggPeaksError

_SPECKLE_SIGMA_PX = 4.0  # dice on twenty bright-field frames: 0.79 at 1 px, 0.94 at 2, 0.989 at 4, 0.990 at 6


@dataclass(frozen=True)
class Baseline:
    """A method without a network, applied to the images of a test split.

    Attributes:
        name: Name in tables.
        masks: (n, h, w) bool; None if the method cannot be applied to these images.
        note: The settings it chose, or why it cannot be applied.
    """

    name: str
    masks: np.ndarray | None
    note: str


def segment_without_network(
    images: np.ndarray, *, pixel_size_nm: float | None = None, lattice_spacing_nm: float | None = None
) -> tuple[Baseline, Baseline]:
    """Segment images by their lattice fringes and by their brightness.

    Fourier filtering is the study's baseline, but finds only diffracting particles; a threshold finds only dark ones.
    At high resolution the first is the one to beat, at low resolution and strong amplitude contrast the second.

    Args:
        images: (n, h, w), any scale.
        pixel_size_nm: Pixel size [nm]; needed with a lattice spacing.
        lattice_spacing_nm: Spacing of the lattice planes [nm]; None: find the fringes in the images.

    Returns:
        Fourier filtering, brightness threshold.
    """
    return (
        _by_fringes(images, pixel_size_nm, lattice_spacing_nm),
        Baseline(
            "brightness threshold",
            np.stack([brightness_threshold(image) for image in images]),
            f"darker than Otsu's threshold after a Gaussian of {_SPECKLE_SIGMA_PX:g} px",
        ),
    )


def brightness_threshold(image: np.ndarray) -> np.ndarray:
    """Mask of the dark particles of a bright-field image: Gaussian, Otsu.

    Args:
        image: (h, w), any scale.

    Returns:
        (h, w) bool.
    """
    from skimage.filters import gaussian, threshold_otsu

    smooth = gaussian(image.astype(np.float32), _SPECKLE_SIGMA_PX)
    return smooth < threshold_otsu(smooth)


def _by_fringes(images: np.ndarray, pixel_size_nm: float | None, lattice_spacing_nm: float | None) -> Baseline:
    name = "Fourier filtering"
    try:
        band = find_band(images, pixel_size_nm=pixel_size_nm, lattice_spacing_nm=lattice_spacing_nm)
    except NoBraggPeaksError as error:
        return Baseline(name, None, str(error))
    masks = np.stack([fourier_filter(image, band).mask for image in images])
    return Baseline(name, masks, f"band {band.inner_radius_px:g} to {band.outer_radius_px:g} FFT px")
