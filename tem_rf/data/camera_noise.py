"""Shot noise after the camera, estimated from micrographs: strength and power spectrum.

A scintillator spreads the light of each electron over neighbouring pixels, so shot noise is blurred with the signal,
and its power decreases with frequency as the square of the camera's transfer function. Above the frequencies that the
lens transfers there is only noise, from which the spectrum is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tem_rf.errors import DatasetError

_LOWEST = 0.36  # cycles per pixel; at usual sampling neither the film nor a lattice reaches this frequency
_BELOW = 0.25  # from here to the band, the noise of a camera without blur is as strong as within the band
_RINGS = 24
_MOST_EXTRAPOLATED = 4.0  # the gain is unreliable if the spectrum falls by more than this below its band
_MOST_BELOW = 3.0  # more power than this just below the band indicates blur or structure
_USUAL_EXPONENT, _EXPONENT_WEIGHT = 2.0, 0.5  # if the data do not determine it, the blur is a Gaussian
_TOO_MUCH = 1.3  # excess of the power over the limit set by the gain, beyond the scatter of a ring


@dataclass(frozen=True)
class CameraNoise:
    """Power of the shot noise of one micrograph: `level * exp(-(f / reach)**exponent)` at f cycles per pixel.

    Attributes:
        level: Power at low frequencies, where the camera does not blur: gain times mean counts [counts²].
        reach: Frequency at which it has fallen to 1/e [cycles per pixel]; infinite for white noise.
        exponent: 2 for a Gaussian blur, less for one with long tails.
        readout: Power of the readout noise, which is white and does not depend on the dose [counts²].
    """

    level: float
    reach: float
    exponent: float
    readout: float = 0.0

    def transfer(self, shape: tuple[int, int]) -> np.ndarray:
        """Amplitude filter from white noise to this noise: (height, width // 2 + 1) float32, 1 at frequency 0."""
        return _transfer(self.reach, self.exponent, shape)


def estimate_camera_noise(
    images: Sequence[np.ndarray], *, mean: float, counts_per_electron: float | None = None
) -> CameraNoise:
    """Estimate the shot noise of a micrograph.

    If the gain is known, the power at low frequencies is gain times mean counts, and the decrease from there to the
    band above the specimen is fitted. Otherwise the spectrum must be nearly flat in that band, as for a counting
    camera. Then the power there is that of the electrons, and the gain follows.

    Args:
        images: Parts of the micrograph, (height, width) counts.
        mean: Mean counts of the micrograph.
        counts_per_electron: Gain of the camera; None: not known.

    Raises:
        DatasetError: The gain cannot be determined, or is inconsistent with the noise. The message lacks the file name.
    """
    frequency, power = _rings(images, _LOWEST, np.hypot(0.5, 0.5))
    if counts_per_electron is None:
        _, below = _rings(images, _BELOW, _LOWEST)
        return _read_off(frequency, power, float(below[:3].mean()), mean)
    level = counts_per_electron * mean
    if level <= 0:
        raise DatasetError(f"has mean counts of {mean:.4g}, so the noise of the electrons cannot be computed")
    if power.min() > _TOO_MUCH * level:
        raise DatasetError(
            f"has noise of {np.sqrt(power.min()):.3g} counts at high frequencies, but {counts_per_electron:g} counts "
            f"per electron at a mean of {mean:.4g} give at most {np.sqrt(level):.3g}; give another "
            "counts_per_electron"
        )
    reach, exponent, floor = _fit_fall(frequency, power / level)
    return CameraNoise(level, reach, exponent, floor * level)


def _read_off(frequency: np.ndarray, power: np.ndarray, below: float, mean: float) -> CameraNoise:
    # Readout noise is flat, too: if blur leaves nothing else in the band, there is more power below it.
    slope, log_level = np.polyfit(frequency**2, np.log(power), 1)
    level = float(np.exp(log_level))
    if mean <= 0 or level > _MOST_EXTRAPOLATED * power[0] or below > _MOST_BELOW * power[0]:
        raise DatasetError(
            "has noise that is blurred or normalized, so the gain of the camera cannot be determined; give "
            "counts_per_electron, or leave out dose_fraction"
        )
    if slope >= 0 or level < 1.1 * power[0]:
        return CameraNoise(float(power.mean()), np.inf, 2.0)
    return CameraNoise(level, float((-slope) ** -0.5), 2.0)


def _fit_fall(frequency: np.ndarray, part: np.ndarray) -> tuple[float, float, float]:
    """Reach and exponent of the power relative to its level, and the constant contribution of readout noise."""
    from scipy.optimize import least_squares

    logarithm = np.log(part)

    def misfit(parameters: np.ndarray) -> np.ndarray:
        log_reach, exponent, log_floor = parameters
        model = np.log(np.exp(-((frequency / np.exp(log_reach)) ** exponent)) + np.exp(log_floor))
        return np.append(model - logarithm, _EXPONENT_WEIGHT * (exponent - _USUAL_EXPONENT))

    floor = logarithm.min() - 1
    start = (np.log(frequency[0] / max(-logarithm[0], 0.05) ** 0.5), _USUAL_EXPONENT, floor)
    bounds = ([np.log(0.01), 0.8, -40.0], [np.log(1e3), 2.0, max(logarithm.max(), floor + 1)])
    fit = least_squares(misfit, np.clip(start, *bounds), bounds=bounds)
    reach, exponent, floor = float(np.exp(fit.x[0])), float(fit.x[1]), float(np.exp(fit.x[2]))
    is_seen = floor > np.exp(-((frequency[-1] / reach) ** exponent))  # otherwise it is an artefact of the fit
    return reach, exponent, floor if is_seen else 0.0


def _rings(images: Sequence[np.ndarray], lowest: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequency [cycles/px] and power [counts²] of the rings of a band; medians, which Bragg peaks do not affect."""
    spectra: list[np.ndarray] = []
    radii: list[np.ndarray] = []
    for image in images:
        height, width = image.shape
        window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
        spectrum = np.abs(np.fft.rfft2((image - image.mean()) * window)) ** 2 / np.square(window).sum()
        radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
        inside = (radius >= lowest) & (radius < highest)
        spectra.append(spectrum[inside])
        radii.append(radius[inside])
    power, radius = np.concatenate(spectra), np.concatenate(radii)
    count = min(_RINGS, len(radius) // 40)
    if count < 2:
        raise DatasetError("is too small to separate noise from structure; use larger patches, or omit dose_fraction")
    ring = np.digitize(radius, np.linspace(lowest, highest, count + 1)) - 1
    rings = [index for index in range(count) if np.count_nonzero(ring == index) >= 12]
    # Power of noise is distributed exponentially; its median is ln 2 of its mean.
    medians = np.array([np.median(power[ring == index]) for index in rings]) / np.log(2)
    return np.array([radius[ring == index].mean() for index in rings]), np.maximum(medians, 1e-12)


@lru_cache(maxsize=64)
def _transfer(reach: float, exponent: float, shape: tuple[int, int]) -> np.ndarray:
    radius = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    amplitude = np.exp(-0.5 * (radius / reach) ** exponent).astype(np.float32)
    amplitude.flags.writeable = False
    return amplitude
