"""Mergers, splits, drift, diffusion and growth of particles whose motion is known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import shift

from tem_rf.particles.drift import measure_drift
from tem_rf.particles.measure import Particle, measure_particles
from tem_rf.particles.motion import Scale, growth_rate, is_undisturbed, measure_diffusion, measure_growth
from tem_rf.particles.split import number_particles
from tem_rf.particles.tracking import Track, follow_particles
from tests.helpers.discs import discs
from tests.helpers.drawn_lattice import speckle

ONE = Particle(1, 0.0, 0.0, 314, 20.0, 20.0, 20.0, 1.0, 1.0, None, False)


def particles_of(*circles: tuple[float, float, float]) -> tuple[Particle, ...]:
    return measure_particles(number_particles(discs((100, 140), *circles)))


def track(number: int, places: np.ndarray, frames: range | list[int], diameters: np.ndarray | None = None) -> Track:
    diameters = np.full(len(places), 20.0) if diameters is None else diameters
    particles = tuple(
        replace(ONE, y_px=float(y), x_px=float(x), diameter_px=float(diameter))
        for (y, x), diameter in zip(places, diameters, strict=True)
    )
    return Track(number, tuple(frames), particles, "last frame", "first frame")


def test_a_split_and_a_merger_name_the_other_track() -> None:
    whole, parts = [(50, 70, 14)], [(50, 58, 9.9), (50, 82, 9.9)]
    frames = [particles_of(*circles) for circles in (parts, whole, whole, parts, parts)]
    tracks = follow_particles(frames, max_step_px=20)
    assert len(tracks) == 3
    merged = next(one for one in tracks if one.end == "merged")
    split = next(one for one in tracks if one.start == "split")
    through = next(one for one in tracks if one.frames == (1, 2, 3, 4, 5))
    assert (merged.merged_into, merged.frames) == (through.number, (1,))
    assert (split.split_from, split.frames) == (through.number, (4, 5))
    assert (through.start, through.end) == ("first frame", "last frame")
    assert (through.merged_into, through.split_from) == (None, None)
    assert not any(is_undisturbed(one, tracks) for one in tracks)


def test_a_particle_that_appears_alone_or_at_the_border_did_not_split() -> None:
    frames = [
        particles_of((50, 30, 8)),
        particles_of((50, 30, 8), (50, 90, 8)),
        particles_of((50, 30, 8), (50, 90, 8), (20, 136, 8)),
    ]
    starts = {one.frames[0]: one.start for one in follow_particles(frames, max_step_px=5)}
    assert starts == {1: "first frame", 2: "appeared", 3: "border"}


@pytest.mark.parametrize(("noise", "tolerance"), [(0.0, 0.02), (0.5, 0.15)])
def test_drift_is_measured_to_a_fraction_of_a_pixel(noise: float, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    film = speckle((170, 180), 4)
    true = np.cumsum(rng.normal(0.8, 1.5, (6, 2)), axis=0)
    true -= true[0]
    frames = [shift(film, one, order=3, mode="wrap")[15:-15, 15:-15] for one in true]
    found = measure_drift(1000 + 50 * (frame + rng.normal(0, noise, frame.shape)) for frame in frames)
    assert found.shifts_px == pytest.approx(true, abs=tolerance)
    assert found.unknown == ()
    assert found.total_px == pytest.approx(np.linalg.norm(true[-1]), abs=2 * tolerance)


def test_drift_of_frames_without_anything_in_common_is_not_made_up() -> None:
    rng = np.random.default_rng(1)
    found = measure_drift(rng.normal(size=(128, 128)) for _ in range(4))
    assert found.unknown == (2, 3, 4)
    assert not found.shifts_px.any()
    assert measure_drift([np.ones((64, 64))] * 2).unknown == (2,)


def brownian(count: int, coefficient: float, noise: float, seed: int = 0) -> list[Track]:
    rng = np.random.default_rng(seed)
    paths = np.cumsum(rng.normal(0, np.sqrt(2 * coefficient), (count, 60, 2)), axis=1)
    paths += rng.normal(0, noise, paths.shape)
    return [track(number, path, range(1, 61)) for number, path in enumerate(paths, start=1)]


def test_diffusion_is_found_through_noise_of_the_positions() -> None:
    found = measure_diffusion(brownian(40, coefficient=0.5, noise=0.7))
    assert found is not None
    low, high = found.interval
    assert low < 0.5 < high
    assert high - low < 0.2
    assert found.tracks == 40
    free = measure_diffusion(brownian(40, coefficient=0.5, noise=0))
    assert free is not None
    assert free.exponent == pytest.approx(1, abs=0.12)
    assert free.msd_px2[:3] == pytest.approx([4 * 0.5 * lag for lag in (1, 2, 3)], rel=0.1)
    assert free.displacements[:2] == (40 * 59, 40 * 58)


def test_gaps_leave_displacements_out_and_drift_shows_in_the_exponent() -> None:
    places = np.arange(40.0).reshape(20, 2)  # 2 px per frame along y and along x
    kept = [0, 1, 2, 4, 5, *range(6, 20)]
    tracks = [track(number, places[kept], [one + 1 for one in kept]) for number in (1, 2, 3)]
    found = measure_diffusion(tracks)
    assert found is not None
    assert found.msd_px2 == pytest.approx([8.0 * lag**2 for lag in found.lags])
    assert found.displacements[0] == 3 * sum(after - before == 1 for before, after in pairwise(kept))
    assert found.exponent == pytest.approx(2)
    assert measure_diffusion(tracks[:2]) is None


def test_the_centre_of_a_particle_that_the_border_cuts_is_no_motion() -> None:
    tracks = brownian(10, coefficient=0.5, noise=0)
    first = tracks[0]
    cut = [replace(one, x_px=one.x_px + 50 * number, touches_border=True) for number, one in enumerate(first.particles)]
    leaving = replace(first, particles=(*first.particles[:30], *cut[30:]))
    found, without = (measure_diffusion([one, *tracks[1:]]) for one in (leaving, replace(first, particles=tuple(cut))))
    assert found is not None
    assert without is not None
    assert (found.tracks, without.tracks) == (10, 9)
    assert found.displacements[0] == 29 + 9 * 59
    assert found.coefficient < 0.7


def test_growth_is_the_mean_slope_of_undisturbed_tracks() -> None:
    rng = np.random.default_rng(3)
    still = np.zeros((30, 2))
    rates = [0.1] * 6 + [-0.05] * 4
    tracks = [
        track(number, still, range(1, 31), 20 + rate * np.arange(30) + rng.normal(0, 0.05, 30))
        for number, rate in enumerate(rates, start=1)
    ]
    eaten = replace(track(11, still, range(1, 31), 20 - 0.5 * np.arange(30)), end="merged", merged_into=10)
    found = measure_growth([*tracks, eaten])
    assert found is not None
    assert (found.tracks, found.growing, found.shrinking) == (9, 6, 3), "neither 11 nor 10, which swallowed it"
    assert found.rate == pytest.approx(np.mean(rates[:9]), abs=0.003)
    assert found.interval[0] < found.rate < found.interval[1]
    rate = growth_rate(tracks[0])
    assert rate is not None
    assert abs(rate[0] - 0.1) < 4 * rate[1]
    assert measure_growth(tracks[:2]) is None


def test_units_follow_what_is_known() -> None:
    assert Scale(None, None).per_time(3.0, 2) == (3.0, "px²/frame")
    assert Scale(0.1, 0.5).per_time(3.0, 1) == (pytest.approx(0.6), "nm/s")
    assert Scale(0.1, None).length(5.0) == (0.5, "nm")
