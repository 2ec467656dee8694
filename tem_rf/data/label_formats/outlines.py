"""Fill hand-drawn outlines of the classes that are particles, after checking that they fit the micrograph."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tem_rf.data.label_formats.label import Label, legend, percent
from tem_rf.data.label_formats.roles import OPTIONS, Role, Roles
from tem_rf.errors import DatasetError

_OVERHANG_PX = 1.0  # beyond a border, as caused by rounding
_PARTICLES = re.compile(r"particle|crystal|nano|\bnps?\b|\brods?\b|foreground|\bfg\b|^objects?$|^cells?$|nucle", re.I)
_BACKGROUND = re.compile(r"^_*(background|bg|back|vacuum|empty|none)_*$", re.I)
_COMPLETE = re.compile(r"^(complete|completed|labell?ed|annotated)[ _-]*(area|region|box)?$", re.I)
_NOT_SURE = re.compile(r"^(ignored?|unsure|not.?sure|unclear|uncertain|don'?t.?care|void|exclude[d]?)\*?$", re.I)


@dataclass(frozen=True)
class Region:
    """A marked region of a micrograph.

    Attributes:
        kind: Its class; empty if it has none.
        rings: (n, 2) vertices x, y of each outline [px]; (0, 0) is the upper left corner of the image, as in ImageJ and
            COCO, so the centre of the first pixel is at (0.5, 0.5). A ring inside another is a hole.
        mask: (h, w) bool instead of outlines, a part of the image.
        corner: Row and column of the upper left pixel of the mask.
        name: Its name in the file, for errors.
        particle: Key shared by the regions that are parts of one particle; None: the region is a particle of its own.
        number: Number of its particle, if the file states it.
        frame: Frame of a stack that it belongs to, from 1; None if the file does not say.
    """

    kind: str = ""
    rings: Sequence[np.ndarray] = ()
    mask: np.ndarray | None = None
    corner: tuple[int, int] = (0, 0)
    name: str = field(default="an outline")
    particle: Hashable = None
    number: int | None = None
    frame: int | None = None


def draw_regions(path: Path, regions: Sequence[Region], shape: tuple[int, int], roles: Roles) -> Label:
    """Fill the regions whose class is particle.

    A region cut by the border is clipped, with a note. If there are several classes, those with names like particle are
    used, with a note. Without such a name, the user must choose.

    Args:
        path: The file, for the error.
        regions: The regions.
        shape: Height and width of the micrograph.
        roles: The user's roles of the classes.

    Raises:
        DatasetError: A region is outside the micrograph, the coordinates are not pixels, or it is ambiguous which class
            is particle.
    """
    kinds = list(dict.fromkeys(region.kind for region in regions))
    chosen, are_guessed = _roles_of(kinds, roles)
    drawn = [
        region
        for region in regions
        if chosen.get(region.kind) != "complete" and (chosen.get(region.kind) != "background" or are_guessed)
    ]
    _check_scale(path, drawn, shape)
    clipped = sum(_is_clipped(path, region, shape) for region in drawn)
    masks = {kind: np.zeros(shape, bool) for kind in kinds}
    filled = [_fill(region, shape) for region in regions]
    for region, (place, part) in zip(regions, filled, strict=True):
        masks[region.kind][place] |= part
    shares = legend([(kind or "(no class)", float(masks[kind].mean())) for kind in kinds])
    if None in chosen.values():
        raise DatasetError(f"{path}: holds the classes {shares}, and it is not clear which are particle; {OPTIONS}.")
    notes: tuple[str, ...] = ()
    if clipped:
        notes += (f"{clipped} of {len(drawn)} outlines extend beyond the border and were clipped",)
    if len(kinds) > 1 and are_guessed:
        taken = ", ".join(kind or "(no class)" for kind in kinds if chosen[kind] == "particle") or "none"
        notes += (f"holds the classes {shares}; read as particle: {taken}",)
    if _are_boxes(drawn):
        notes += ("all its outlines are upright rectangles; are they boxes around particles rather than outlines?",)
    particle, unsure, complete = (_union(masks, chosen, role, shape) for role in ("particle", "not sure", "complete"))
    if "complete" in chosen.values():
        unsure |= ~complete
        share = percent(float(complete.mean()))
        notes += (f"everything is labelled within {share} of the pixels; elsewhere it is not sure what is background",)
    unsure &= ~particle
    of_particles = [
        (region, *one) for region, one in zip(regions, filled, strict=True) if chosen[region.kind] == "particle"
    ]
    return Label(particle, unsure if unsure.any() else None, notes, shares, _number(of_particles, shape))


def by_frame(path: Path, regions: Sequence[Region], frames: int) -> list[list[Region]]:
    """Divide regions among the frames of a stack; all are in one group if there is one frame, or they have none.

    Args:
        path: The file, for the error.
        regions: The regions.
        frames: Number of frames of the micrograph.

    Raises:
        DatasetError: Only some have a frame, or the stack does not have one of them.
    """
    if frames == 1 or all(region.frame is None for region in regions):
        return [list(regions)]
    groups: list[list[Region]] = [[] for _ in range(frames)]
    for region in regions:
        if region.frame is None or region.frame > frames:
            place = "no frame" if region.frame is None else f"frame {region.frame}"
            raise DatasetError(
                f"{path}: {region.name} is on {place} of a stack of {frames}; give each outline the frame that it was "
                "drawn on."
            )
        groups[region.frame - 1].append(region)
    return groups


def _roles_of(kinds: list[str], roles: Roles) -> tuple[dict[str, Role | None], bool]:
    """Role of each class, None if ambiguous, and whether the roles come from the names."""
    lower = {kind.casefold(): kind for kind in kinds}
    named = roles.assign(kinds, lambda text: lower.get(text.casefold()))
    if roles.say_particle:
        return dict(named), False
    guessed: dict[str, Role | None] = dict(named)
    for kind in kinds:
        if kind not in guessed and _BACKGROUND.match(kind):
            guessed[kind] = "background"
        elif kind not in guessed and _NOT_SURE.match(kind):
            guessed[kind] = "not sure"
        elif kind not in guessed and _COMPLETE.match(kind):
            guessed[kind] = "complete"
    left = [kind for kind in kinds if kind not in guessed]
    likely = [kind for kind in left if _PARTICLES.search(kind.replace("_", " "))]
    for kind in left:
        if len(left) == 1 or kind in likely:
            guessed[kind] = "particle"
        else:
            guessed[kind] = "background" if likely else None
    return guessed, True


def _check_scale(path: Path, regions: Sequence[Region], shape: tuple[int, int]) -> None:
    rings = [ring for region in regions for ring in region.rings if len(ring)]
    if not rings or min(shape) <= 4:
        return
    largest = max(float(ring.max()) for ring in rings)
    is_one_pixel = all((ring == np.round(ring)).all() for ring in rings)
    if 0 < largest <= 1 and not is_one_pixel:
        raise DatasetError(
            f"{path}: its largest coordinate is {largest:.3g}, but its micrograph is {shape[1]} x {shape[0]} px; the "
            "coordinates seem to be relative to the size of the image, export them in pixels."
        )


def _is_clipped(path: Path, region: Region, shape: tuple[int, int]) -> bool:
    """Whether a region is cut by the border.

    Raises:
        DatasetError: It is outside, or extends beyond the border by more than the width of the image.
    """
    points = np.concatenate([ring for ring in region.rings if len(ring)] or [np.zeros((0, 2))])
    if not len(points):
        return False
    least, most, size = points.min(axis=0), points.max(axis=0), np.array(shape[::-1], float)
    is_outside = (most <= 0).any() or (least >= size).any()
    if is_outside or (most > 2 * size + 1).any() or (least < -size - 1).any():
        x, y = np.where(np.abs(most - size / 2) > np.abs(least - size / 2), most, least)
        raise DatasetError(
            f"{path}: {region.name} reaches x={x:.4g}, y={y:.4g}, but its micrograph is {shape[1]} x {shape[0]} px; "
            "draw the outlines on the image at its original size."
        )
    return bool((most > size + _OVERHANG_PX).any() or (least < -_OVERHANG_PX).any())


Place = tuple[slice, slice]


def _fill(region: Region, shape: tuple[int, int]) -> tuple[Place, np.ndarray]:
    """Find the pixels whose centres are inside a region: the rows and columns around it, and a mask of these."""
    from skimage.draw import polygon

    if region.mask is not None:
        (top, left), (height, width) = region.corner, region.mask.shape
        return (slice(top, top + height), slice(left, left + width)), region.mask
    rings = [ring for ring in region.rings if len(ring) >= 3]
    if not rings:
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), bool)
    points = np.concatenate(rings)
    size = np.array(shape[::-1])
    x0, y0 = np.clip(np.floor(points.min(axis=0)).astype(int), 0, size)
    x1, y1 = np.clip(np.ceil(points.max(axis=0)).astype(int) + 1, 0, size)
    part = np.zeros((max(0, y1 - y0), max(0, x1 - x0)), bool)
    for ring in rings:
        inside = np.zeros_like(part)
        inside[polygon(ring[:, 1] - 0.5 - y0, ring[:, 0] - 0.5 - x0, part.shape)] = True
        part ^= inside
    return (slice(y0, y0 + len(part)), slice(x0, x0 + part.shape[1])), part


def _number(filled: Sequence[tuple[Region, Place, np.ndarray]], shape: tuple[int, int]) -> np.ndarray:
    """Number the particles as the file states, or in its order. Where two overlap, the smaller one is on top."""
    instances = np.zeros(shape, np.int32)
    numbers: dict[Hashable, int] = {}
    parts: list[tuple[int, int, Place, np.ndarray]] = []
    are_stated = all(region.number is not None for region, _, _ in filled)
    for index, (region, place, part) in enumerate(filled):
        area = int(np.count_nonzero(part))
        if area:
            key = ("alone", index) if region.particle is None else ("part", region.particle)
            number = region.number if are_stated and region.number else numbers.setdefault(key, len(numbers) + 1)
            parts.append((-area, number, place, part))
    for _, number, place, part in sorted(parts, key=lambda one: one[:2]):
        instances[place][part] = number
    return instances


def _union(
    masks: dict[str, np.ndarray], chosen: dict[str, Role | None], role: Role, shape: tuple[int, int]
) -> np.ndarray:
    union = np.zeros(shape, bool)
    for kind, mask in masks.items():
        if chosen[kind] == role:
            union |= mask
    return union


def _are_boxes(regions: Sequence[Region]) -> bool:
    outlines = [ring for region in regions for ring in region.rings]
    return len(outlines) >= 3 and all(_is_box(ring) for ring in outlines)


def _is_box(ring: np.ndarray) -> bool:
    corners = ring[:-1] if len(ring) == 5 and (ring[0] == ring[-1]).all() else ring
    return len(corners) == 4 and all(len(np.unique(corners[:, axis])) == 2 for axis in (0, 1))


def finite_ring(points: object) -> np.ndarray:
    """(n, 2) vertices as floats.

    Raises:
        ValueError: They are not pairs of finite numbers.
    """
    ring = np.asarray(points, np.float64).reshape(-1, 2)
    if not np.isfinite(ring).all():
        raise ValueError("a coordinate is not finite")
    return ring
