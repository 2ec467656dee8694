"""Summary statistics of particle sizes."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tem_rf.particles.measure import Particle


@dataclass(frozen=True)
class SizeSummary:
    """Number and size of particles.

    Diameters are equivalent circle diameters of particles not cut by the edge of the micrograph.

    Attributes:
        count: Number of particles, including cut ones.
        whole: Number of particles that are not cut. All other numbers are for these.
        mean_px: Mean diameter [px]; None without whole particles.
        sd_px: Standard deviation of the diameters (n - 1) [px]; None with fewer than two.
        polydispersity: Standard deviation over mean.
        median_px: exp of the mean logarithm, the median of the fitted log-normal distribution [px].
        geometric_sd: exp of the standard deviation of the logarithms: its factor around the median.
    """

    count: int
    whole: int
    mean_px: float | None = None
    sd_px: float | None = None
    polydispersity: float | None = None
    median_px: float | None = None
    geometric_sd: float | None = None

    def to_json(self, pixel_size_nm: float | None) -> dict[str, Any]:
        """All numbers as JSON types, with lengths also in nm if the pixel size is known."""
        content = asdict(self)
        for name in ("mean", "sd", "median"):
            value = content[f"{name}_px"]
            content[f"{name}_nm"] = None if value is None or pixel_size_nm is None else value * pixel_size_nm
        return content


def summary_rows(sizes: SizeSummary, pixel_size_nm: float | None) -> list[tuple[str, Any, str]]:
    """The numbers as rows of a table: quantity, value, unit; lengths in nm if the pixel size is known.

    Args:
        sizes: The summary.
        pixel_size_nm: Pixel size [nm], or None.
    """
    scale, unit = (1.0, "px") if pixel_size_nm is None else (pixel_size_nm, "nm")

    def length(value: float | None) -> float | None:
        return None if value is None else value * scale

    return [
        ("particles", sizes.count, ""),
        ("particles cut by the edge, not in the values below", sizes.count - sizes.whole, ""),
        ("n of the values below", sizes.whole, ""),
        ("mean equivalent circle diameter", length(sizes.mean_px), unit),
        ("standard deviation of the diameters", length(sizes.sd_px), unit),
        ("polydispersity (standard deviation over mean)", sizes.polydispersity, ""),
        ("median of the fitted log-normal distribution", length(sizes.median_px), unit),
        ("geometric standard deviation", sizes.geometric_sd, ""),
        ("pixel size", pixel_size_nm, "nm"),
    ]


def summarize_sizes(particles: Iterable[Particle]) -> SizeSummary:
    """Count particles and compute statistics of their diameters."""
    particles = list(particles)
    diameters = whole_diameters_px(particles)
    if not diameters.size:
        return SizeSummary(len(particles), 0)
    mean, median = float(diameters.mean()), float(np.exp(np.log(diameters).mean()))
    if diameters.size == 1:
        return SizeSummary(len(particles), 1, mean_px=mean, median_px=median)
    sd = float(diameters.std(ddof=1))
    return SizeSummary(
        count=len(particles),
        whole=diameters.size,
        mean_px=mean,
        sd_px=sd,
        polydispersity=sd / mean,
        median_px=median,
        geometric_sd=float(np.exp(np.log(diameters).std(ddof=1))),
    )


def whole_diameters_px(particles: Iterable[Particle]) -> np.ndarray:
    """(n,) diameters of the particles not cut by the edge [px]."""
    return np.array([one.diameter_px for one in particles if not one.touches_border])
