"""Trace particles along the edges of their pixels, so that filling the outlines again changes no pixel."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Directions along the edges of pixels, in the order of right turns as the image is displayed: x, y.
_STEPS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])


@dataclass(frozen=True, eq=False)
class Area:
    """A connected part of a particle.

    Attributes:
        outline: (n, 2) int corners x, y of its outer edge, clockwise as displayed, the first not repeated; (0, 0) is
            the upper left corner of the image, so the centre of the first pixel is at (0.5, 0.5).
        holes: (n, 2) int corners of the edge of each hole, counterclockwise.
    """

    outline: np.ndarray
    holes: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True, eq=False)
class Outline:
    """The outline of a particle.

    Attributes:
        number: Its number.
        areas: Its parts, which touch each other at corners of pixels at most. Most particles have one.
    """

    number: int
    areas: tuple[Area, ...]

    @property
    def is_simple(self) -> bool:
        """Whether it is one ring, without holes."""
        return len(self.areas) == 1 and not self.areas[0].holes

    @property
    def rings(self) -> list[np.ndarray]:
        """All rings: outer edges and holes."""
        return [ring for area in self.areas for ring in (area.outline, *area.holes)]


def trace_outlines(instances: np.ndarray) -> list[Outline]:
    """Trace each particle of an image of numbers.

    Pixels that touch at a corner only are separate areas, so that no ring crosses or touches itself.

    Args:
        instances: (h, w) int, number of the particle of each pixel, 0 elsewhere.

    Returns:
        The outlines by ascending number.

    >>> (square,) = trace_outlines(np.array([[0, 0], [0, 7]]))
    >>> square.number, square.areas[0].outline.tolist()
    (7, [[2, 1], [2, 2], [1, 2], [1, 1]])
    """
    from skimage.measure import label

    parts = label(instances, background=0, connectivity=1)  # of equal numbers
    outlines: dict[int, Area] = {}
    holes: dict[int, list[np.ndarray]] = {}
    for part, ring in _rings(parts):
        for simple in _without_repetitions(ring):
            if _doubled_area(simple) > 0:
                outlines[part] = Area(simple)
            else:
                holes.setdefault(part, []).append(simple)
    areas: dict[int, list[Area]] = {}
    for part, area in sorted(outlines.items()):
        x, y = area.outline[np.lexsort(area.outline.T[::-1])[0]]  # its leftmost corner, the uppermost of these
        number = int(instances[y, x])
        areas.setdefault(number, []).append(Area(area.outline, tuple(holes.get(part, ()))))
    return [Outline(number, tuple(found)) for number, found in sorted(areas.items())]


def _rings(parts: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Closed rings of corners around numbered parts, with the part on the right, and its number."""
    number, start, direction = _edges(parts)
    if not len(number):
        return
    width = parts.shape[1] + 1
    end = start + _STEPS[direction, 1] * width + _STEPS[direction, 0]
    # Each edge is followed by the one of the same part that starts at its end. Where two do, a right turn keeps to the
    # same pixel.
    size = np.int64((parts.shape[0] + 1) * width)
    keys = (number.astype(np.int64) * size + start) * 4 + direction
    order = np.argsort(keys)
    keys = keys[order]
    wanted = (number.astype(np.int64) * size + end) * 4
    first = np.searchsorted(keys, wanted)
    right_turn = wanted + (direction + 1) % 4
    at_right_turn = np.searchsorted(keys, right_turn)
    has_right_turn = keys[np.minimum(at_right_turn, len(keys) - 1)] == right_turn
    following = order[np.where(has_right_turn, at_right_turn, first)]
    is_corner = direction != direction[following]  # at the end of an edge
    x, y = end % width, end // width
    next_edge, corners, seen = following.tolist(), is_corner.tolist(), bytearray(len(number))
    for edge in range(len(next_edge)):
        if seen[edge]:
            continue
        ring = []
        current = edge
        while not seen[current]:
            seen[current] = 1
            if corners[current]:
                ring.append(current)
            current = next_edge[current]
        yield int(number[edge]), np.stack([x[ring], y[ring]], axis=1)


def _edges(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Part, corner at which it starts and direction of each edge of a pixel at which a part ends."""
    padded = np.pad(parts, 1)
    inner, width = padded[1:-1, 1:-1], parts.shape[1] + 1
    found = []
    # The neighbour beyond the edge, and the corner of the pixel at which the edge starts, going clockwise.
    for direction, (dy, dx, corner_y, corner_x) in enumerate(
        ((-1, 0, 0, 0), (0, 1, 0, 1), (1, 0, 1, 1), (0, -1, 1, 0))
    ):
        beyond = padded[1 + dy : 1 + dy + parts.shape[0], 1 + dx : 1 + dx + parts.shape[1]]
        y, x = np.nonzero((inner != beyond) & (inner > 0))
        start = (y + corner_y).astype(np.int64) * width + x + corner_x
        found.append((parts[y, x], start, np.full(len(y), direction)))
    numbers, starts, directions = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return numbers, starts, directions


def _without_repetitions(ring: np.ndarray) -> list[np.ndarray]:
    """Split a ring that passes a corner twice into rings that do not."""
    codes = (ring[:, 1] * (int(ring[:, 0].max()) + 1) + ring[:, 0]).tolist()
    if len(set(codes)) == len(codes):
        return [ring]
    simple: list[np.ndarray] = []
    path: list[int] = []
    position: dict[int, int] = {}  # of each corner in the path
    for index, code in enumerate(codes):
        if code in position:
            begin = position[code]
            simple.append(ring[path[begin:]])
            for passed in path[begin:]:
                del position[codes[passed]]
            del path[begin:]
        position[code] = len(path)
        path.append(index)
    return [*simple, ring[path]]


def _doubled_area(ring: np.ndarray) -> int:
    x, y = ring.T.astype(np.int64)
    return int(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
