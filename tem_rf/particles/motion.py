"""How the particles of a movie move and grow: mean squared displacement, diffusion, growth rates."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tem_rf.particles.tracking import Track

_MIN_FRAMES = 5  # of a track that counts
_MIN_TRACKS = 3
_LAG_PART = 0.25  # of the longest track; displacements over longer lags are few and overlap
_FITTED_LAGS = 4  # with noise in the positions, more lags make the slope less certain
_RESAMPLES = 1000
_SEED = 0
_INTERVAL = (2.5, 97.5)  # percentiles

DIFFUSION_ASSUMPTIONS = (
    "free, isotropic diffusion in the image plane, alike for all particles and constant over time; constant noise of "
    "the positions; tracks independent of each other; no drift left"
)
GROWTH_ASSUMPTIONS = (
    "diameters of discs of the projected area, linear in time; without tracks that touch the border, merge or split"
)


@dataclass(frozen=True)
class Scale:
    """Units of a movie.

    Attributes:
        pixel_size_nm: Pixel size [nm]; None if not known.
        frame_interval_s: Time between frames [s]; None if not known.
    """

    pixel_size_nm: float | None
    frame_interval_s: float | None

    def length(self, length_px: float) -> tuple[float, str]:
        """A length and its unit.

        >>> Scale(0.5, None).length(4)
        (2.0, 'nm')
        """
        return (length_px, "px") if self.pixel_size_nm is None else (length_px * self.pixel_size_nm, "nm")

    def per_time(self, value_px: float, power: int) -> tuple[float, str]:
        """A length to a power per frame, and its unit.

        >>> Scale(0.5, 2).per_time(4, 2)
        (0.5, 'nm²/s')
        """
        factor, unit = self.length(1.0)
        time, name = (1.0, "frame") if self.frame_interval_s is None else (self.frame_interval_s, "s")
        return value_px * factor**power / time, f"{unit}{'²' if power == 2 else ''}/{name}"


@dataclass(frozen=True)
class Diffusion:
    """Diffusion of all particles together.

    Attributes:
        coefficient: D from MSD = 4 D t + offset over the first four lags [px² per frame].
        interval: Its confidence interval of 95 %, by bootstrap over tracks.
        exponent: Power of the lag by which the MSD rises over all lags: 1 for free diffusion, 2 for drift, below 1 if
            particles are held; None where noise of the positions hides it.
        tracks: Number of tracks.
        lags: Lags [frames].
        msd_px2: Mean squared displacement at each lag [px²].
        displacements: Number of displacements at each lag.
    """

    coefficient: float
    interval: tuple[float, float]
    exponent: float | None
    tracks: int
    lags: tuple[int, ...]
    msd_px2: tuple[float, ...]
    displacements: tuple[int, ...]


@dataclass(frozen=True)
class Growth:
    """Growth of the particles.

    Attributes:
        rate: Mean change of the diameter [px per frame].
        interval: Its confidence interval of 95 %, by bootstrap over tracks.
        tracks: Number of tracks.
        growing: Number of tracks whose diameter grows by more than twice its standard error.
        shrinking: Number of those that shrink by as much.
    """

    rate: float
    interval: tuple[float, float]
    tracks: int
    growing: int
    shrinking: int


def measure_diffusion(tracks: Sequence[Track]) -> Diffusion | None:
    """Fit the mean squared displacement of the tracks.

    Args:
        tracks: Tracks whose positions are corrected for drift.

    Returns:
        None with fewer than three tracks of five frames in which the border does not cut the particle.

    Source: Qian, Sheetz and Elson 1991, Biophys. J. 60, 910 (MSD); Michalet 2010, Phys. Rev. E 82, 041914 (few lags).
    """
    long = [track for track in map(_within_image, tracks) if len(track.frames) >= _MIN_FRAMES]
    if len(long) < _MIN_TRACKS:
        return None
    span = max(track.frames[-1] - track.frames[0] for track in long)
    lags = np.arange(1, max(int(_LAG_PART * span), _FITTED_LAGS) + 1)
    sums, counts = (np.array(part) for part in zip(*(_squares(track, lags) for track in long), strict=True))
    seen = counts.sum(axis=0) > 0
    lags, sums, counts = lags[seen], sums[:, seen], counts[:, seen]
    if len(lags) < 2:
        return None
    msd = sums.sum(axis=0) / counts.sum(axis=0)
    slopes = []
    for drawn in _resampled(len(long)):
        total = counts[drawn].sum(axis=0)
        if (total > 0).all():
            slopes.append(_slope(lags, sums[drawn].sum(axis=0) / total, total))
    low, high = np.percentile(slopes, _INTERVAL)
    return Diffusion(
        coefficient=_slope(lags, msd, counts.sum(axis=0)) / 4,
        interval=(float(low) / 4, float(high) / 4),
        exponent=_exponent(lags, msd),
        tracks=len(long),
        lags=tuple(map(int, lags)),
        msd_px2=tuple(map(float, msd)),
        displacements=tuple(map(int, counts.sum(axis=0))),
    )


def measure_growth(tracks: Sequence[Track]) -> Growth | None:
    """Fit a line to the diameter of each track over time.

    Args:
        tracks: The tracks.

    Returns:
        None with fewer than three tracks of five frames that neither touch the border nor merge or split.
    """
    rates = [growth_rate(track) for track in tracks if is_undisturbed(track, tracks)]
    known = np.array([rate for rate in rates if rate is not None])
    if len(known) < _MIN_TRACKS:
        return None
    slopes, errors = known.T
    low, high = np.percentile([slopes[drawn].mean() for drawn in _resampled(len(slopes))], _INTERVAL)
    return Growth(
        rate=float(slopes.mean()),
        interval=(float(low), float(high)),
        tracks=len(slopes),
        growing=int((slopes > 2 * errors).sum()),
        shrinking=int((slopes < -2 * errors).sum()),
    )


def growth_rate(track: Track) -> tuple[float, float] | None:
    """Change of the diameter and its standard error [px per frame]; None with fewer than five frames."""
    if len(track.frames) < _MIN_FRAMES:
        return None
    from scipy.stats import linregress

    fit = linregress(track.frames, [one.diameter_px for one in track.particles])
    return float(fit.slope), float(fit.stderr)


def is_undisturbed(track: Track, tracks: Sequence[Track]) -> bool:
    """Whether a track neither touches the border nor merges, splits, or takes part in it."""
    if track.merged_into is not None or track.split_from is not None:
        return False
    if any(one.touches_border for one in track.particles):
        return False
    return not any(track.number in (other.merged_into, other.split_from) for other in tracks)


def _within_image(track: Track) -> Track:
    """The frames in which the border does not cut the particle, where its centre is known."""
    whole = [not one.touches_border for one in track.particles]
    return replace(
        track,
        frames=tuple(itertools.compress(track.frames, whole)),
        particles=tuple(itertools.compress(track.particles, whole)),
    )


def _squares(track: Track, lags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of squared displacements at each lag, and their number."""
    first = track.frames[0]
    places = np.full((track.frames[-1] - first + 1, 2), np.nan)  # NaN where it was not seen
    places[np.array(track.frames) - first] = [(one.y_px, one.x_px) for one in track.particles]
    sums, counts = np.zeros(len(lags)), np.zeros(len(lags), int)
    for index, lag in enumerate(lags):
        if lag < len(places):
            squared = np.square(places[lag:] - places[:-lag]).sum(axis=1)
            sums[index], counts[index] = np.nansum(squared), np.count_nonzero(np.isfinite(squared))
    return sums, counts


def _slope(lags: np.ndarray, msd: np.ndarray, counts: np.ndarray) -> float:
    """Slope of a line through the first lags, weighted by the number of displacements."""
    few = slice(_FITTED_LAGS)
    return float(np.polyfit(lags[few], msd[few], 1, w=np.sqrt(counts[few]))[0])


def _exponent(lags: np.ndarray, msd: np.ndarray) -> float | None:
    if len(lags) < _FITTED_LAGS or (msd <= 0).any() or msd[-1] < 2 * msd[0]:
        return None
    return float(np.polyfit(np.log(lags), np.log(msd), 1)[0])


def _resampled(count: int) -> np.ndarray:
    """(resamples, count) indices, drawn with replacement; the same for the same count."""
    return np.random.default_rng(_SEED).integers(count, size=(_RESAMPLES, count))
