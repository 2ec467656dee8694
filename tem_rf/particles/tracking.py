"""Track the particles of a movie from frame to frame."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import hypot
from typing import Any, Literal

import numpy as np

from tem_rf.errors import ModelError, SettingsError
from tem_rf.particles.measure import Particle

TrackEnd = Literal["last frame", "border", "merged", "vanished"]
TrackStart = Literal["first frame", "border", "split", "appeared"]
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
        start: Why it begins: the movie begins; the particle touched the border of the image in its first frame; it
            split off another one; or it appeared.
        merged_into: Number of the track that it merged into, if it did.
        split_from: Number of the track that it split off, if it did.
    """

    number: int
    frames: tuple[int, ...]
    particles: tuple[Particle, ...]
    end: TrackEnd
    start: TrackStart = "appeared"
    merged_into: int | None = None
    split_from: int | None = None


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
    return tracks_of(frames, _link(frames, max_step_px, memory), max_step_px=max_step_px)


def tracks_of(
    frames: Sequence[Sequence[Particle]], links: Iterable[Sequence[int]], *, max_step_px: float
) -> tuple[Track, ...]:
    """Make tracks of linked particles, and find how each begins and ends.

    Args:
        frames: The particles of each frame.
        links: For each frame, the number of the track of each particle, of any linker.
        max_step_px: Maximum distance that a particle moves between frames [px].
    """
    last_seen: dict[int, _Node] = {}
    linked: _Links = {}
    for frame, numbers in enumerate(links):
        for index, number in enumerate(numbers):
            if number in last_seen:
                linked[last_seen[number]] = frame, index
            last_seen[number] = frame, index
    linked = _through_events(frames, linked, max_step_px)
    continued = set(linked.values())
    tracks: list[Track] = []
    for frame, particles in enumerate(frames):
        for index in range(len(particles)):
            if (frame, index) not in continued:
                tracks.append(_track(len(tracks) + 1, frames, (frame, index), linked))
    steps = _steps(tracks)
    return tuple(_with_start(_with_end(track, steps, len(frames), max_step_px), steps, max_step_px) for track in tracks)


_Node = tuple[int, int]  # index of the frame, and of the particle in it
_Links = dict[_Node, _Node]


def _larger_continue(frames: Sequence[Sequence[Particle]], links: _Links, max_step_px: float) -> _Links:
    """Make the larger one of particles that merge continue as both, where its centre jumps too far for a linker, too.

    Args:
        frames: The particles of each frame.
        links: The next sighting of each particle.
        max_step_px: Maximum distance that a particle moves between frames [px].
    """
    links = dict(links)
    before = {target: node for node, target in links.items()}

    def area(node: _Node) -> float:
        return frames[node[0]][node[1]].area_px

    for frame, (particles, following) in enumerate(pairwise(frames)):
        reach = np.array([one.feret_max_px / 2 for one in following]) + max_step_px
        places = np.array([(one.y_px, one.x_px) for one in following]).reshape(-1, 2)
        ended: dict[_Node, list[_Node]] = {}  # within reach, by particle of the next frame
        for index, one in enumerate(particles):
            if (frame, index) not in links:
                distance = np.linalg.norm(places - (one.y_px, one.x_px), axis=1)
                for other in np.flatnonzero(distance <= reach).tolist():
                    ended.setdefault((frame + 1, other), []).append((frame, index))
        for target, nodes in ended.items():
            free = [node for node in nodes if node not in links]
            linked = before.get(target)
            if not free or (linked is not None and linked[0] != frame):
                continue
            base = max(free, key=area) if linked is None else linked
            swallowed = [node for node in free if node != base and area(target) >= area(base) + _SWALLOWED * area(node)]
            if swallowed:
                links.pop(base, None)
                largest = max(base, *swallowed, key=area)
                links[largest], before[target] = target, largest
    return links


def _through_events(frames: Sequence[Sequence[Particle]], links: _Links, max_step_px: float) -> _Links:
    """Apply `_larger_continue` to mergers, and backwards to splits."""
    links = _larger_continue(frames, links, max_step_px)
    last = len(frames) - 1

    def mirrored(links: _Links) -> _Links:
        return {(last - there[0], there[1]): (last - here[0], here[1]) for here, there in links.items()}

    return mirrored(_larger_continue(frames[::-1], mirrored(links), max_step_px))


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


def _track(number: int, frames: Sequence[Sequence[Particle]], node: _Node | None, links: _Links) -> Track:
    """The track that begins with a particle."""
    nodes = []
    while node is not None:
        nodes.append(node)
        node = links.get(node)
    seen = tuple(frames[frame][index] for frame, index in nodes)
    return Track(number, tuple(frame + 1 for frame, _ in nodes), seen, "vanished")


_Step = tuple[int, Particle, Particle]  # number of the track, the particle in one frame and in the next


def _steps(tracks: Sequence[Track]) -> dict[int, list[_Step]]:
    """Steps of all tracks by the number of the frame in which they begin."""
    steps: dict[int, list[_Step]] = {}
    for track in tracks:
        for (frame, before), (following, after) in pairwise(zip(track.frames, track.particles, strict=True)):
            if following == frame + 1:
                steps.setdefault(frame, []).append((track.number, before, after))
    return steps


def _with_end(track: Track, steps: Mapping[int, Sequence[_Step]], frames: int, max_step_px: float) -> Track:
    last, particle = track.frames[-1], track.particles[-1]
    if last == frames:
        return replace(track, end="last frame")
    into = _nearest(particle, steps.get(last, ()), max_step_px)
    if into is not None:
        return replace(track, end="merged", merged_into=into)
    return replace(track, end="border" if particle.touches_border else "vanished")


def _with_start(track: Track, steps: Mapping[int, Sequence[_Step]], max_step_px: float) -> Track:
    first, particle = track.frames[0], track.particles[0]
    if first == 1:
        return replace(track, start="first frame")
    # A split is a merger backwards.
    backwards = ((number, after, before) for number, before, after in steps.get(first - 1, ()))
    source = _nearest(particle, backwards, max_step_px)
    if source is not None:
        return replace(track, start="split", split_from=source)
    return replace(track, start="border" if particle.touches_border else "appeared")


def _nearest(particle: Particle, steps: Iterable[_Step], max_step_px: float) -> int | None:
    """Number of the nearest track that swallows a particle, from the smaller state to the larger; None if none does."""
    found = [
        (_distance(large, particle), number)
        for number, small, large in steps
        if _swallows(small, large, particle, max_step_px)
    ]
    return min(found, default=(0.0, None))[1]


def _swallows(small: Particle, large: Particle, particle: Particle, max_step_px: float) -> bool:
    """Whether a particle is larger, in the next or former frame, by the area of another one within its reach."""
    has_grown = large.area_px >= small.area_px + _SWALLOWED * particle.area_px
    return has_grown and _distance(large, particle) <= large.feret_max_px / 2 + max_step_px


def _distance(one: Particle, other: Particle) -> float:
    return hypot(one.y_px - other.y_px, one.x_px - other.x_px)
