"""Track the particles of a movie from frame to frame."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import hypot
from typing import Any, Literal

import numpy as np

from tem_rf.errors import ModelError, SettingsError
from tem_rf.particles.measure import Particle

TrackEnd = Literal["last frame", "border", "merged", "vanished"]
# A particle has merged with another if it grew by at least this fraction of the other's area.
_SWALLOWED = 0.5


@dataclass(frozen=True)
class Track:
    """The path of one particle through the frames.

    Attributes:
        number: Number of the track, from 1 in the order of appearance.
        frames: Numbers of the frames in which it was seen, from 1; gaps of up to `memory` frames are possible.
        particles: The particle in each of these frames.
        end: Why it ends: the movie ended; the particle touched the border of the image in its last frame; it merged
            into another one; or it vanished.
    """

    number: int
    frames: tuple[int, ...]
    particles: tuple[Particle, ...]
    end: TrackEnd


def follow_particles(frames: Sequence[Sequence[Particle]], *, max_step_px: float, memory: int = 0) -> tuple[Track, ...]:
    """Link the particles of frames to tracks with the minimum sum of squared steps.

    Args:
        frames: The particles of each frame.
        max_step_px: Maximum distance that a particle moves between frames [px].
        memory: Number of frames for which a particle may be lost.

    Raises:
        ModelError: The optional package trackpy is not installed.
        SettingsError: Too many particles are within one step of each other.

    Source: Crocker & Grier 1996, "Methods of digital video microscopy"; by trackpy.
    """
    by_track: dict[int, list[tuple[int, Particle]]] = {}
    for frame, (particles, numbers) in enumerate(zip(frames, _link(frames, max_step_px, memory), strict=True), start=1):
        for particle, number in zip(particles, numbers, strict=True):
            by_track.setdefault(number, []).append((frame, particle))
    tracks = [_track(number, seen) for number, seen in enumerate(by_track.values(), start=1)]
    steps = _steps(tracks)
    return tuple(_with_end(track, steps, len(frames)) for track in tracks)


def import_trackpy() -> Any:
    """Import trackpy without its output.

    Raises:
        ModelError: It is not installed.
    """
    try:
        import trackpy
    except ImportError as error:
        raise ModelError("`track`: needs the package trackpy; run: pip install 'tem-rf[movies]'") from error
    trackpy.quiet()
    return trackpy


def _link(frames: Sequence[Sequence[Particle]], max_step_px: float, memory: int) -> Iterator[list[int]]:
    trackpy = import_trackpy()
    from trackpy.linking.utils import SubnetOversizeException

    positions = (np.array([(one.y_px, one.x_px) for one in particles]).reshape(-1, 2) for particles in frames)
    try:
        for _, numbers in trackpy.link_iter(enumerate(positions), max_step_px, memory=memory):
            yield numbers
    except SubnetOversizeException as error:
        raise SettingsError(
            f"`max_step_px`: too many particles are within {max_step_px:.3g} px of each other to be linked to the next "
            "frame; give a smaller step, or exclude small particles with `min_diameter_nm`."
        ) from error


def _track(number: int, seen: list[tuple[int, Particle]], end: TrackEnd = "vanished") -> Track:
    return Track(number, tuple(frame for frame, _ in seen), tuple(particle for _, particle in seen), end)


def _steps(tracks: Sequence[Track]) -> dict[int, list[tuple[Particle, Particle]]]:
    """Each particle in one frame and in the next, by the number of the frame."""
    steps: dict[int, list[tuple[Particle, Particle]]] = {}
    for track in tracks:
        for (frame, before), (following, after) in pairwise(zip(track.frames, track.particles, strict=True)):
            if following == frame + 1:
                steps.setdefault(frame, []).append((before, after))
    return steps


def _with_end(track: Track, steps: Mapping[int, Sequence[tuple[Particle, Particle]]], frames: int) -> Track:
    last, particle = track.frames[-1], track.particles[-1]
    if last == frames:
        end: TrackEnd = "last frame"
    elif any(_swallows(before, after, particle) for before, after in steps.get(last, ())):
        end = "merged"
    else:
        end = "border" if particle.touches_border else "vanished"
    return replace(track, end=end)


def _swallows(before: Particle, after: Particle, particle: Particle) -> bool:
    """Whether a particle has grown, from one frame to the next, over the former position of another one."""
    distance = hypot(after.y_px - particle.y_px, after.x_px - particle.x_px)
    has_grown = after.area_px >= before.area_px + _SWALLOWED * particle.area_px
    return has_grown and distance <= after.feret_max_px / 2
