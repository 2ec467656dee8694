"""Linkers of particles in movies whose tracks, mergers and splits are known.

Run: pip install laptrack; python benchmarks/linking.py [--seeds 5] [--frames 60] [--particles 100] [--json]

Discs with radii of 6 to 12 px diffuse in a field of 768 px. Two that touch merge into one of their area with a
probability of 0.5 per frame; in each frame 0.3 % split. Positions have an error of 0.3 px, areas of 3 %. Three linkers
get the particles of each frame: trackpy, as `segment --track` uses it; LapTrack in its place, with the same rule for
mergers and splits; and LapTrack with its own mergers and splits, by distance. About a minute.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, stdev
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tem_rf.particles.measure import Particle
from tem_rf.particles.tracking import Track, follow_particles, tracks_of

SIDE_PX = 768
RADII_PX = (6.0, 12.0)
MERGES, SPLITS = 0.5, 0.003  # per frame: of discs that touch, of all
MEMORY = 1
CONDITIONS: dict[str, dict[str, float]] = {
    "slow": {"step_px": 1.5},
    "fast": {"step_px": 5.0},
    "fast, 5 % not seen": {"step_px": 5.0, "unseen": 0.05},
    "slow, drift of 6 px": {"step_px": 1.5, "drift_px": 6.0},
}

Node = tuple[int, int]  # frame from 1, number of the particle in it
Edges = set[tuple[Node, Node]]


@dataclass(frozen=True)
class Movie:
    """Particles, and what is true of them.

    Attributes:
        frames: The particles of each frame.
        links: Pairs of successive sightings of a particle.
        mergers: Last sighting of a particle, and the larger one that it is part of in the next frame.
        splits: A particle, and the first sighting of a part of it that is not the largest.
        max_step_px: What a user would give.
    """

    frames: list[list[Particle]]
    links: Edges
    mergers: Edges
    splits: Edges
    max_step_px: float


@dataclass
class _Disc:
    place: np.ndarray  # y, x [px]
    area_px: float
    length_px: float = 0.0  # of two that touch, in the frame after they met, and before they part
    parting: tuple[float, float] | None = None  # part and angle of a split in the next frame

    @property
    def radius_px(self) -> float:
        return float(np.sqrt(self.area_px / np.pi))


def main() -> None:
    options = _options()
    results: list[dict[str, Any]] = []
    for condition, settings in CONDITIONS.items():
        movies = [
            simulate_movie(options.particles, options.frames, seed=seed, **settings) for seed in range(options.seeds)
        ]
        for name, linker in LINKERS.items():
            scores = [_score(movie, *linker(movie)) for movie in movies]
            results.append(
                {
                    "movie": condition,
                    "linker": name,
                    "particles seen": sum(len(frame) for movie in movies for frame in movie.frames),
                    "mergers": sum(len(movie.mergers) for movie in movies),
                    "splits": sum(len(movie.splits) for movie in movies),
                    **{f"{what} F1": [fmean(one), stdev(one)] for what, one in _by_kind(scores).items()},
                }
            )
    if options.json:
        print(json.dumps({"options": vars(options), "results": results}))
    else:
        _print(results)


def simulate_movie(
    particles: int,
    frames: int,
    *,
    seed: int,
    step_px: float,
    drift_px: float = 0.0,
    unseen: float = 0.0,
) -> Movie:
    """Simulate discs that diffuse, merge and split.

    Args:
        particles: Number at the start.
        frames: Number of frames.
        seed: Seed.
        step_px: Standard deviation of a step in each direction [px].
        drift_px: Drift of all per frame, in an oblique direction [px].
        unseen: Probability that a particle is not seen in a frame.
    """
    rng = np.random.default_rng(seed)
    radii = rng.uniform(*RADII_PX, particles)
    discs = {number: _Disc(rng.uniform(0, SIDE_PX, 2), float(np.pi * radius**2)) for number, radius in enumerate(radii)}
    drift = drift_px * np.array([0.6, 0.8])
    merged: list[tuple[int, int, int]] = []  # frame before, the smaller, the larger
    split: list[tuple[int, int, int]] = []  # frame before, the larger part, the smaller
    seen: list[dict[int, int]] = []  # number of the particle in the frame by that of the disc
    found: list[list[Particle]] = []
    last = particles
    for frame in range(1, frames + 1):
        if frame > 1:
            for disc in discs.values():
                disc.place = disc.place + rng.normal(0, step_px, 2) + drift
            for number in [number for number, disc in discs.items() if disc.parting is not None]:
                last += 1
                discs[last] = _split(discs[number])
                split.append((frame - 1, number, last))
            parted = {number for before, *both in split if before == frame - 1 for number in both}
            merged += [(frame - 1, *pair) for pair in _merge(discs, rng, parted)]
            met = {large for before, _, large in merged if before == frame - 1}
            for number in sorted(discs.keys() - parted - met):
                discs[number].length_px = 0.0
                if rng.random() < SPLITS:
                    _begin_to_part(discs[number], rng)
        visible = [
            number
            for number, disc in discs.items()
            if (np.abs(disc.place - SIDE_PX / 2) < SIDE_PX / 2).all() and rng.random() >= unseen
        ]
        seen.append({number: index for index, number in enumerate(visible, start=1)})
        found.append([_particle(index, discs[number], rng) for number, index in seen[-1].items()])
    return Movie(
        found,
        links=set(_true_links(seen)),
        mergers={
            ((frame, seen[frame - 1][small]), (frame + 1, seen[frame][large]))
            for frame, small, large in merged
            if small in seen[frame - 1] and large in seen[frame]
        },
        splits={
            ((frame, seen[frame - 1][large]), (frame + 1, seen[frame][small]))
            for frame, large, small in split
            if large in seen[frame - 1] and small in seen[frame]
        },
        max_step_px=3 * step_px + drift_px + 2,
    )


def _merge(discs: dict[int, _Disc], rng: np.random.Generator, parted: set[int]) -> Iterator[tuple[int, int]]:
    """Merge discs that touch, but for those that have just parted; the larger one of each pair continues."""
    from scipy.spatial import cKDTree

    numbers = list(discs)
    near = cKDTree(np.array([disc.place for disc in discs.values()])).query_pairs(4 * RADII_PX[1])
    used: set[int] = set()
    for one, other in sorted(near):
        if (used | parted) & {numbers[one], numbers[other]}:
            continue
        small, large = sorted((numbers[one], numbers[other]), key=lambda number: discs[number].area_px)
        first, second = discs[small], discs[large]
        is_touching = np.linalg.norm(first.place - second.place) < first.radius_px + second.radius_px
        if is_touching and rng.random() < MERGES:
            used |= {small, large}
            area = first.area_px + second.area_px
            place = (first.area_px * first.place + second.area_px * second.place) / area
            discs[large] = _Disc(place, area, length_px=2 * (first.radius_px + second.radius_px))
            del discs[small]
            yield small, large


def _begin_to_part(disc: _Disc, rng: np.random.Generator) -> None:
    """Make a disc two that touch, of which one has 20 to 45 % of the area."""
    part = float(rng.uniform(0.2, 0.45))
    disc.parting = part, float(rng.uniform(0, 2 * np.pi))
    disc.length_px = 2 * disc.radius_px * (part**0.5 + (1 - part) ** 0.5)


def _split(disc: _Disc) -> _Disc:
    """Take the smaller part from a disc, 2 px apart."""
    assert disc.parting is not None
    (part, angle), disc.parting, disc.length_px = disc.parting, None, 0.0
    small = _Disc(disc.place, part * disc.area_px)
    disc.area_px *= 1 - part
    apart = (disc.radius_px + small.radius_px + 2) * np.array([np.sin(angle), np.cos(angle)])
    small.place = disc.place + (1 - part) * apart
    disc.place = disc.place - part * apart
    return small


def _particle(number: int, disc: _Disc, rng: np.random.Generator) -> Particle:
    """A disc as it would be measured."""
    y, x = (disc.place + rng.normal(0, 0.3, 2)).tolist()
    area = float(disc.area_px * rng.normal(1, 0.03))
    diameter = 2 * float(np.sqrt(area / np.pi))
    inner = SIDE_PX - disc.radius_px
    return Particle(
        number=number,
        y_px=y,
        x_px=x,
        area_px=round(area),
        diameter_px=diameter,
        feret_max_px=max(diameter, disc.length_px),
        feret_min_px=diameter,
        aspect_ratio=1.0,
        circularity=1.0,
        contrast=-1.0,
        touches_border=not (disc.radius_px < y < inner and disc.radius_px < x < inner),
    )


def _true_links(seen: Sequence[dict[int, int]]) -> Iterator[tuple[Node, Node]]:
    for frame, numbers in enumerate(seen, start=1):
        for disc, number in numbers.items():
            for later in range(frame + 1, min(frame + MEMORY + 1, len(seen)) + 1):
                if disc in seen[later - 1]:
                    yield (frame, number), (later, seen[later - 1][disc])
                    break


def _by_trackpy(movie: Movie) -> tuple[Edges, Edges, Edges]:
    return _of_tracks(follow_particles(movie.frames, max_step_px=movie.max_step_px, memory=MEMORY))


def _by_laptrack(movie: Movie) -> tuple[Edges, Edges, Edges]:
    """LapTrack links; mergers and splits are found as for trackpy."""
    import networkx as nx

    graph = _laptrack_graph(movie, gap_px=movie.max_step_px)
    track_of = {node: number for number, nodes in enumerate(nx.weakly_connected_components(graph)) for node in nodes}
    links = [
        [track_of[frame, index] for index in range(len(particles))] for frame, particles in enumerate(movie.frames)
    ]
    return _of_tracks(tracks_of(movie.frames, links, max_step_px=movie.max_step_px))


def _by_laptrack_alone(movie: Movie) -> tuple[Edges, Edges, Edges]:
    """LapTrack links, merges and splits by distance; the larger of two particles continues."""
    graph = _laptrack_graph(movie, gap_px=movie.max_step_px, event_px=movie.max_step_px + 2 * RADII_PX[1])

    def area(node: Node) -> float:
        return movie.frames[node[0]][node[1]].area_px

    def named(node: Node) -> Node:
        return node[0] + 1, movie.frames[node[0]][node[1]].number

    links: Edges = {(named(one), named(other)) for one, other in graph.edges}
    mergers: Edges = set()
    splits: Edges = set()
    for node in graph.nodes:
        for others, events, is_merger in (
            (graph.predecessors(node), mergers, True),
            (graph.successors(node), splits, False),
        ):
            for other in sorted(others, key=area)[:-1]:
                pair = (named(other), named(node)) if is_merger else (named(node), named(other))
                events.add(pair)
                links.discard(pair)
    return links, mergers, splits


def _laptrack_graph(movie: Movie, *, gap_px: float, event_px: float | None = None) -> Any:
    from laptrack import LapTrack

    events: float | bool = False if event_px is None else event_px**2
    linker = LapTrack(
        cutoff=movie.max_step_px**2,
        gap_closing_cutoff=gap_px**2,
        gap_closing_max_frame_count=MEMORY,
        splitting_cutoff=events,
        merging_cutoff=events,
    )
    places = [np.array([(one.y_px, one.x_px) for one in frame]).reshape(-1, 2) for frame in movie.frames]
    return linker.predict(places)


def _of_tracks(tracks: Sequence[Track]) -> tuple[Edges, Edges, Edges]:
    """Links, mergers and splits of tracks."""
    places = {
        track.number: dict(zip(track.frames, (one.number for one in track.particles), strict=True)) for track in tracks
    }
    links: Edges = set()
    mergers: Edges = set()
    splits: Edges = set()
    for track in tracks:
        nodes = list(places[track.number].items())
        links |= set(pairwise(nodes))
        end, start = track.frames[-1], track.frames[0]
        if track.merged_into is not None:
            mergers.add((nodes[-1], (end + 1, places[track.merged_into][end + 1])))
        if track.split_from is not None:
            splits.add(((start - 1, places[track.split_from][start - 1]), nodes[0]))
    return links, mergers, splits


LINKERS: dict[str, Callable[[Movie], tuple[Edges, Edges, Edges]]] = {
    "trackpy, mergers by area": _by_trackpy,
    "LapTrack, mergers by area": _by_laptrack,
    "LapTrack alone": _by_laptrack_alone,
}


def _score(movie: Movie, links: Edges, mergers: Edges, splits: Edges) -> dict[str, float]:
    return {
        "links": _f1(links, movie.links),
        "mergers": _f1(mergers, movie.mergers),
        "splits": _f1(splits, movie.splits),
    }


def _f1(found: Edges, true: Edges) -> float:
    return 2 * len(found & true) / max(len(found) + len(true), 1)


def _by_kind(scores: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    kinds: dict[str, list[float]] = defaultdict(list)
    for one in scores:
        for name, value in one.items():
            kinds[name].append(value)
    return kinds


def _print(results: Sequence[dict[str, Any]]) -> None:
    table = Table(*results[0], title="mean ± sd over movies")
    for row in results:
        table.add_row(*(_cell(value) for value in row.values()))
    Console(width=160).print(table)


def _cell(value: Any) -> str:
    return f"{value[0]:.3f} ± {value[1]:.3f}" if isinstance(value, list) else str(value)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="movies per condition, with seeds from 0")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--particles", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
