"""Shot noise as a camera passes it on, estimated from micrographs: how strong, and of which colour.

A scintillator spreads the light of each electron over its neighbours, so shot noise is blurred with the signal and its
power falls with the frequency by the square of the camera's transfer. Above what the lens transfers there is noise
alone; from there the colour is read off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tem_rf.errors import DatasetError

_LOWEST = 0.36  # cycles per pixel; at usual sampling neither the film nor a lattice reaches up to here
_BELOW = 0.25  # from here to the band, the noise of a camera that does not blur is as strong as within it
_RINGS = 24
_MOST_EXTRAPOLATED = 4.0  # a gain read off a spectrum that falls by more than this below its band is a guess
_MOST_BELOW = 3.0  # more power than this just below the band means blur or structure
_USUAL_EXPONENT, _EXPONENT_WEIGHT = 2.0, 0.5  # where the data leave it open, the blur is a Gaussian
_TOO_MUCH = 1.3  # power above what the gain allows, beyond the scatter of a ring


@dataclass(frozen=True)
class CameraNoise:
    """Power of the shot noise of one micrograph: `level * exp(-(f / reach)**exponent)` at f cycles per pixel.

    Attributes:
        level: Power at low frequencies, where the camera blurs nothing: gain times mean counts [counts²].
        reach: Where it has fallen to 1/e [cycles per pixel]; infinite for white noise.
        exponent: 2 for a Gaussian blur, less for one with long tails.
        readout: Power of the noise that does not depend on the dose, white [counts²].
    """

    level: float
    reach: float
    exponent: float
    readout: float = 0.0

    def transfer(self, shape: tuple[int, int]) -> np.ndarray:
        """Amplitude by which white noise becomes this: (height, width // 2 + 1) float32, 1 at frequency 0."""
        return _transfer(self.reach, self.exponent, shape)


def estimate_camera_noise(
    images: Sequence[np.ndarray], *, mean: float, counts_per_electron: float | None = None
) -> CameraNoise:
    """Estimate the shot noise of a micrograph.

    With the gain known, the power at low frequencies is gain times mean counts, and the fall from there to the band
    above the specimen is fitted. Without it the spectrum must be nearly flat in that band, as of a counting camera;
    then the power there is that of the electrons, and the gain follows.

    Args:
        images: Parts of it, (height, width) counts.
        mean: Mean counts of the whole.
        counts_per_electron: Gain of the camera; None where it is not known.

    Raises:
        DatasetError: The gain cannot be known, or cannot be that; without the name of the file.
    """
    frequency, power = _rings(images, _LOWEST, np.hypot(0.5, 0.5))
    if counts_per_electron is None:
        _, below = _rings(images, _BELOW, _LOWEST)
        return _read_off(frequency, power, float(below[:3].mean()), mean)
    level = counts_per_electron * mean
    if level <= 0:
        raise DatasetError(f"has mean counts of {mean:.4g}, so there are no electrons whose noise could be computed")
    if power.min() > _TOO_MUCH * level:
        raise DatasetError(
            f"has noise of {np.sqrt(power.min()):.3g} counts at high frequencies, and {counts_per_electron:g} counts "
            f"per electron at a mean of {mean:.4g} make no more than {np.sqrt(level):.3g}; give another "
            "counts_per_electron"
        )
    reach, exponent, floor = _fit_fall(frequency, power / level)
    return CameraNoise(level, reach, exponent, floor * level)


def _read_off(frequency: np.ndarray, power: np.ndarray, below: float, mean: float) -> CameraNoise:
    # Noise of the readout is flat, too: where blur leaves nothing else in the band, there is more below it.
    slope, log_level = np.polyfit(frequency**2, np.log(power), 1)
    level = float(np.exp(log_level))
    if mean <= 0 or level > _MOST_EXTRAPOLATED * power[0] or below > _MOST_BELOW * power[0]:
        raise DatasetError(
            "has noise that is blurred or normalized, from which the gain of the camera cannot be read; give "
            "counts_per_electron, or leave out dose_fraction"
        )
    if slope >= 0 or level < 1.1 * power[0]:
        return CameraNoise(float(power.mean()), np.inf, 2.0)
    return CameraNoise(level, float((-slope) ** -0.5), 2.0)


def _fit_fall(frequency: np.ndarray, part: np.ndarray) -> tuple[float, float, float]:
    """Reach and exponent of the power as part of its level, and the constant part that readout adds."""
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
    is_seen = floor > np.exp(-((frequency[-1] / reach) ** exponent))  # else it is what the fit cannot tell
    return reach, exponent, floor if is_seen else 0.0


def _rings(images: Sequence[np.ndarray], lowest: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequency [cycles/px] and power [counts²] of the rings of a band; medians, which Bragg peaks do not move."""
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
        raise DatasetError("is too small to tell noise from structure; give larger patches, or leave out dose_fraction")
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
