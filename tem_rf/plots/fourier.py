"""Plot of a Fourier filtering, to check its band."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.baselines.fourier import Band, FourierResult
from tem_rf.files import replacing_file
from tem_rf.plots.segmentation import overlay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAND_COLOUR = "#E69F00"


def write_fourier_picture(
    path: Path,
    image: np.ndarray,
    band: Band,
    result: FourierResult,
    label: np.ndarray | None = None,
    *,
    pixel_size_nm: float | None = None,
) -> None:
    """Write a PNG of the transform with the chosen band, the fringe amplitude and the mask.

    Args:
        path: PNG file to write.
        image: (h, w), any scale.
        band: The band that was used.
        result: Result of `fourier_filter`.
        label: (h, w) bool, or None; if given, errors are coloured.
        pixel_size_nm: Pixel size [nm], to give the band in nm.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 10), layout="constrained")
    (mask_axes, transform_axes), (magnitude_axes, histogram_axes) = figure.subplots(2, 2)
    mask_axes.imshow(overlay(image, result.mask, label))
    mask_axes.set_title("mask" if label is None else "mask; orange: false negative, blue: false positive")
    mask_axes.set_axis_off()
    _draw_transform(transform_axes, image, band, pixel_size_nm)
    shown = magnitude_axes.imshow(result.magnitude, cmap="viridis")
    figure.colorbar(shown, ax=magnitude_axes, shrink=0.8)
    magnitude_axes.set_title("fringe amplitude after the Gaussian")
    magnitude_axes.set_axis_off()
    histogram_axes.hist(result.magnitude.ravel(), bins=256, color="0.5", log=True)
    histogram_axes.axvline(result.threshold, color=_BAND_COLOUR)
    histogram_axes.set(title=f"Otsu threshold {result.threshold:.4g}", xlabel="fringe amplitude", ylabel="pixels")
    with replacing_file(path) as beside:
        figure.savefig(beside, format="png", dpi=110)


def _draw_transform(axes: "Axes", image: np.ndarray, band: Band, pixel_size_nm: float | None) -> None:
    """Show the transform up to twice the band radius, and the band as two circles."""
    from matplotlib.patches import Circle

    amplitude = np.abs(np.fft.fftshift(np.fft.fft2(image - image.mean(dtype=np.float64))))
    logarithm = np.log(np.maximum(amplitude, np.finfo(float).tiny))
    bottom, top = _edges(image.shape[0], min(image.shape))
    left, right = _edges(image.shape[1], min(image.shape))
    low, high = np.percentile(logarithm, (5, 99.95))
    axes.imshow(logarithm, cmap="gray", vmin=low, vmax=high, extent=(left, right, top, bottom))
    for radius in (band.inner_radius_px, band.outer_radius_px):
        axes.add_patch(Circle((0, 0), radius, fill=False, color=_BAND_COLOUR, linewidth=1.2))
    shown = min(2 * band.outer_radius_px, right)
    axes.set(xlim=(-shown, shown), ylim=(shown, -shown), xlabel="cycles per shorter side (FFT px)")
    axes.set_title(f"band {_band_text(band, min(image.shape), pixel_size_nm)}")


def _edges(length: int, side: int) -> tuple[float, float]:
    """Outer edges of the first and last pixel of a centred transform, in cycles per shorter side."""
    return (-(length // 2) - 0.5) * side / length, (length - length // 2 - 0.5) * side / length


def _band_text(band: Band, side: int, pixel_size_nm: float | None) -> str:
    radii = f"{band.inner_radius_px:g} to {band.outer_radius_px:g} px"
    if pixel_size_nm is None or not band.inner_radius_px:
        return radii
    coarse, fine = (side * pixel_size_nm / radius for radius in (band.inner_radius_px, band.outer_radius_px))
    return f"{radii} ({fine:.3g} to {coarse:.3g} nm)"
