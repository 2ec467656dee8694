"""The sets of lattice fringes of one particle: Bragg peaks of its windowed patch, found to a fraction of a pixel."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tem_rf.baselines.bragg import speckle_background
from tem_rf.baselines.fourier import ring_radius
from tem_rf.data.peaks import vertex

FALSE_ALARM = 1e-3  # probability that speckle alone passes for a peak in one particle
MIN_CYCLES = 3.0  # across a particle; fewer are not told apart from its outline
MAX_FREQUENCY = 0.45  # cycles per pixel; above this resampling and colour filters leave patterns
_MAX_SETS = 12
_NOISE_FLOOR = 1e-4  # of the highest background: images that were enlarged have nothing but ringing below it
_MIN_SIDE_PX = 128  # of the transform
_MARGIN_PX = 4  # of the spectrum beyond the highest frequency that is searched
_EDGE = 0.3  # of the radius over which the window rises at the outline
_SIDE_LOBES = 0.03  # of the power of a peak that its neighbourhood may have
_SIDE_LOBE_CYCLES = 4.0  # width of this neighbourhood, in cycles per diameter
_SAME_CYCLES = 1.7  # peaks that are closer, in cycles per diameter, are one
_SAME_PART = 0.05  # and within this part of their frequency, where strain widens them


@dataclass(frozen=True, eq=False)
class Fringes:
    """One set of lattice fringes.

    Attributes:
        frequency: (2,) x, y cycles per pixel; y points down. Of the two opposite vectors, the one with y <= 0.
        covariance: (2, 2) of the frequency.
        signal: Power over that of the speckle at the same frequency.
        power: Power, in squared counts.
    """

    frequency: np.ndarray
    covariance: np.ndarray
    signal: float
    power: float

    @property
    def spacing_px(self) -> float:
        """Distance between fringes [px]."""
        return float(1 / np.linalg.norm(self.frequency))

    @property
    def spacing_sd_px(self) -> float:
        """Standard error of the spacing [px]."""
        along = self.frequency * self.spacing_px
        return float(np.sqrt(along @ self.covariance @ along) * self.spacing_px**2)

    @property
    def angle_deg(self) -> float:
        """Direction across the fringes, counterclockwise from x on the screen, from 0 to below 180 [degrees]."""
        return float(np.degrees(np.arctan2(-self.frequency[1], self.frequency[0])) % 180)

    @property
    def angle_sd_deg(self) -> float:
        """Standard error of the direction [degrees]."""
        across = np.array([-self.frequency[1], self.frequency[0]]) * self.spacing_px
        return float(np.degrees(np.sqrt(across @ self.covariance @ across) * self.spacing_px))


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power spectrum of a particle under a window, up to the highest frequency that is searched.

    Attributes:
        flat: (h, w) float32 flattened counts.
        window: (h, w) weights, 0 outside the particle.
        power: (2 n + 1, 2 n + 1) centred power.
        noise: As large, power of the speckle.
        side_px: Side of the whole transform.
        diameter_px: Diameter of a disc of the same area as the particle.
        limits: Lowest and highest frequency that is searched [cycles per pixel].
    """

    flat: np.ndarray
    window: np.ndarray
    power: np.ndarray
    noise: np.ndarray
    side_px: int
    diameter_px: float
    limits: tuple[float, float]

    @cached_property
    def transform(self) -> np.ndarray:
        """Fourier transform of the flattened counts without window, complex64, padded to a size that is fast."""
        from scipy import fft

        height, width = self.flat.shape
        return np.asarray(fft.fft2(self.flat, (fft.next_fast_len(height), fft.next_fast_len(width))))

    @cached_property
    def searched(self) -> np.ndarray:
        """Bool as the power, where fringes are searched."""
        radius = ring_radius(self.power.shape) / self.side_px  # cycles per pixel
        return np.asarray((radius >= self.limits[0]) & (radius <= self.limits[1]))

    @property
    def cells(self) -> float:
        """Number of independent values of the power that are searched."""
        area = self.window.sum() ** 2 / np.square(self.window).sum()
        return float(max(np.pi * (self.limits[1] ** 2 - self.limits[0] ** 2) / 2 * area, 1.0))

    @property
    def chance_of_speckle(self) -> float:
        """Probability that speckle alone has a maximum as high as the highest."""
        highest = float((self.power / self.noise)[self.searched].max(initial=0))
        return float(-np.expm1(self.cells * np.log1p(-np.exp(-max(highest, 1e-9)))))

    def noise_density(self, frequency: np.ndarray) -> float:
        """Power density of the speckle at a frequency, in squared counts per pixel."""
        centre = len(self.noise) // 2
        column, row = np.clip(np.rint(frequency * self.side_px).astype(int) + centre, 0, len(self.noise) - 1)
        return float(self.noise[row, column] / np.square(self.window).sum())


def particle_spectrum(
    counts: np.ndarray, mask: np.ndarray, *, max_spacing_px: float, min_spacing_px: float
) -> Spectrum | None:
    """Flatten the patch of a particle, weight it by a window that falls to 0 at the outline, and transform it.

    Args:
        counts: (h, w) patch around the particle.
        mask: (h, w) bool, the particle.
        max_spacing_px: Maximum spacing [px]; at least three must fit across the particle.
        min_spacing_px: Minimum spacing [px]; never below 2.2 px.

    Returns:
        The spectrum; None if no spacing is left to be searched.
    """
    diameter = 2 * np.sqrt(np.count_nonzero(mask) / np.pi)
    if diameter == 0:
        return None
    low, high = max(1 / max_spacing_px, MIN_CYCLES / diameter), min(1 / min_spacing_px, MAX_FREQUENCY)
    if low >= high:
        return None
    window, flat = taper(mask), flatten(counts, mask, max_spacing_px)
    power, side = _power(flat, window, high)
    noise = speckle_background(power, ring_radius(power.shape), ring_px=max(1, round(side / diameter / 2)))
    noise = np.maximum(noise, _NOISE_FLOOR * noise.max())
    return Spectrum(flat, window, power, noise, side, diameter, (low, high))


def find_fringes(spectrum: Spectrum) -> tuple[Fringes, ...]:
    """Find the sets of fringes of a particle, the strongest first.

    The power of an amorphous film is speckle: exponentially distributed about a smooth background. A peak is a local
    maximum that speckle exceeds in one of a thousand particles. Its place is the vertex of a paraboloid through the
    logarithm of the oversampled power; its covariance is that of the frequency of one wave in noise.

    Returns:
        At most 12 sets.

    Source: Rife and Boorstyn 1974, IEEE Trans. Inf. Theory 20, 591 (maximum likelihood and bound, here in two
    dimensions and with a window); Goodman 2007, "Speckle Phenomena in Optics" (distribution of the power).
    """
    power, noise, side, window = spectrum.power, spectrum.noise, spectrum.side_px, spectrum.window
    threshold = np.log(spectrum.cells / FALSE_ALARM)
    error, logarithm = _error(window), np.log(np.maximum(power, np.finfo(float).tiny))
    found: list[Fringes] = []
    for row, column in _maxima(power, spectrum.searched & (power > threshold * noise)):
        peak = float(power[row, column])
        frequency = (vertex(logarithm, row, column)[::-1] - len(power) // 2) / side
        if any(_hides(one, frequency, peak, spectrum.diameter_px) for one in found):
            continue
        signal = peak / float(noise[row, column])
        found.append(Fringes(frequency, error / signal, signal, peak))
        if len(found) == _MAX_SETS:
            break
    return tuple(found)


def taper(mask: np.ndarray) -> np.ndarray:
    """(h, w) window: 0 outside a particle, 1 inside, rising as a squared sine from the outline."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.sin(np.pi / 2 * np.clip(depth / max(_EDGE * 2 * depth.max(), 1.0), 0, 1)) ** 2


def flatten(counts: np.ndarray, mask: np.ndarray, max_spacing_px: float) -> np.ndarray:
    """(h, w) counts without what changes slowly (thickness, illumination) and without outliers.

    Inside and outside of the particle are flattened apart, so that its outline leaves no step.
    """
    from scipy.ndimage import uniform_filter

    counts = counts.astype(np.float32)
    counts = counts.clip(*np.percentile(counts, (0.05, 99.95)))
    box = 2 * round(max_spacing_px) + 1
    flat = np.zeros_like(counts)
    for part in (mask, ~mask):
        # Two passes of a box let no more than 5 % of a wave of the maximum spacing or finer through.
        weight, mean = part.astype(np.float32), np.where(part, counts, np.float32(0))
        for _ in range(2):
            weight, mean = uniform_filter(weight, box), uniform_filter(mean, box)
        flat[part] = (counts - mean / np.maximum(weight, np.float32(1e-6)))[part]
    return flat


def _power(flat: np.ndarray, window: np.ndarray, max_frequency: float) -> tuple[np.ndarray, int]:
    """Centred power spectrum up to a frequency, oversampled at least twice, and the side of the whole one [px]."""
    from scipy import fft

    weighted = ((flat - (flat * window).sum() / window.sum()) * window).astype(np.float32)
    side = fft.next_fast_len(max(2 * max(flat.shape), _MIN_SIDE_PX))
    kept = min(math.ceil(max_frequency * side) + _MARGIN_PX, (side - 1) // 2)
    half = fft.rfft2(weighted, (side, side))[:, : kept + 1]  # (side, kept + 1)
    half = np.abs(np.concatenate([half[-kept:], half[: kept + 1]])) ** 2  # y from -kept to kept
    return np.concatenate([half[::-1, :0:-1], half], axis=1).astype(np.float64), side  # (2 kept + 1, 2 kept + 1)


def _error(window: np.ndarray) -> np.ndarray:
    """(2, 2) covariance of the frequency of a wave under a window in white noise, times its signal [1/px²].

    Without a taper it is the Cramér-Rao bound.
    """
    rows, columns = np.indices(window.shape)
    places = np.stack([columns.ravel(), rows.ravel()])
    spread = np.cov(places, aweights=window.ravel(), ddof=0)
    of_noise = np.cov(places, aweights=np.square(window).ravel(), ddof=0)
    return np.asarray(np.linalg.solve(spread, of_noise) @ np.linalg.inv(spread) / (8 * np.pi**2))


def _maxima(power: np.ndarray, allowed: np.ndarray) -> list[tuple[int, int]]:
    """Local maxima in the half plane y <= 0, the strongest first."""
    from scipy.ndimage import maximum_filter

    half = allowed.copy()
    centre = len(power) // 2
    half[centre + 1 :] = False
    half[centre, :centre] = False
    rows, columns = np.nonzero(half & (power == maximum_filter(power, 3)))
    order = np.argsort(-power[rows, columns])
    return [(int(rows[one]), int(columns[one])) for one in order]


def _hides(stronger: Fringes, frequency: np.ndarray, power: float, diameter: float) -> bool:
    """Whether a peak is only the side of a stronger one."""
    distance = min(np.linalg.norm(stronger.frequency - frequency), np.linalg.norm(stronger.frequency + frequency))
    same = max(_SAME_CYCLES / diameter, _SAME_PART / stronger.spacing_px)
    is_side_lobe = distance < _SIDE_LOBE_CYCLES / diameter and power < _SIDE_LOBES * stronger.power
    return bool(distance < same or is_side_lobe)
