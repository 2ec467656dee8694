"""Painted labels: find out which of their colours is particle."""

from pathlib import Path

import numpy as np

from tem_rf.data.label_formats.label import Label, legend
from tem_rf.data.label_formats.roles import OPTIONS, Roles
from tem_rf.data.label_formats.values import label_of_values
from tem_rf.errors import DatasetError

_BLACK, _WHITE, _TRANSPARENT = 0x000000, 0xFFFFFF, 1 << 24
_OPAQUE = 128
_FEW = 3  # up to so many colours need no check for blends
_MOST_PURE = 32  # colours of a painted label; more are blends, unless they form areas
_LEAST_SHARE = 2e-4  # of the pixels, for a colour that was chosen deliberately
_MOST_BLENDS = 0.7  # fraction of the colours that form areas, above which they are not blends
_EVEN = 24  # largest step between neighbours in an even area
_ALIKE = 64  # distance of colours that count as one in a blurred label


def label_of_colours(path: Path, frame: np.ndarray, roles: Roles, *, is_lossy: bool = False) -> Label:
    """Tell particle from background by colour.

    Background is transparent, or black, or white if there is no black. With two other colours the user must choose.
    Blends at edges are assigned to the nearest colour.

    Args:
        path: The file, for the error.
        frame: (height, width, 3 or 4), red, green, blue and possibly opacity.
        roles: The user's roles of the colours.
        is_lossy: Whether the pixels were compressed with loss.

    Raises:
        DatasetError: It is ambiguous which colour is particle.
    """
    colours = _eight_bits(frame)
    clear = colours[..., 3] < _OPAQUE if colours.shape[2] == 4 else np.zeros(colours.shape[:2], bool)
    colours = colours[..., :3]
    if (colours == colours[..., :1]).all() and not clear.any() and not roles.say_particle:
        return label_of_values(path, frame[..., 0], roles, is_lossy=is_lossy)
    packed = colours.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    packed[clear] = _TRANSPARENT
    keys, counts = np.unique(packed, return_counts=True)
    notes: tuple[str, ...] = ()
    if is_lossy or (len(keys) > _FEW and not _are_areas(packed, keys)):
        packed, keys, counts = _nearest_colours(path, packed, keys)
        notes = ("colours blend at its edges; each pixel was assigned to the nearest",)
    entries = sorted(zip(keys.tolist(), (counts / packed.size).tolist(), strict=True), key=lambda entry: -entry[1])
    shares = legend([(_name(key), share) for key, share in entries])
    named = roles.assign(keys.tolist(), _colour)
    unsure = np.isin(packed, [key for key, role in named.items() if role == "not sure"])
    if roles.say_particle:
        chosen = np.isin(packed, [key for key, role in named.items() if role == "particle"])
        return Label(chosen, unsure if unsure.any() else None, notes, shares)
    left = [key for key in keys.tolist() if key not in named]
    background, more = _background(path, left, shares)
    return Label((packed != background) & ~unsure, unsure if unsure.any() else None, notes + more, shares)


def _eight_bits(frame: np.ndarray) -> np.ndarray:
    if frame.dtype == np.uint8:
        return frame
    if frame.dtype.kind == "f":
        scale = 255.0 if np.nanmax(frame, initial=0) <= 1 else 1.0
        return np.clip(np.nan_to_num(frame) * scale, 0, 255).astype(np.uint8)
    if frame.dtype == bool:
        return frame.astype(np.uint8) * np.uint8(255)
    top = int(frame.max(initial=0))
    return (frame >> max(0, top.bit_length() - 8)).astype(np.uint8)


def _background(path: Path, keys: list[int], shares: str) -> tuple[int, tuple[str, ...]]:
    """The background colour, and notes; -1 if there is only one colour, which is not background."""
    others = [key for key in keys if key not in (_BLACK, _WHITE, _TRANSPARENT)]
    if _TRANSPARENT in keys:
        background = _TRANSPARENT
    elif _BLACK in keys and not (_WHITE in keys and others):
        background = _BLACK
    elif _WHITE in keys and _BLACK not in keys and others:
        background = _WHITE
    elif len(keys) == 1:
        return -1, ()
    else:
        raise DatasetError(f"{path}: holds the colours {shares}, and it is not clear which are particle; {OPTIONS}.")
    particles = len(keys) - 1
    if background == _BLACK and particles <= 1:
        return background, ()
    what = "the other colour" if particles == 1 else f"the {particles} other colours"
    return background, (f"{_name(background)} is read as background, {what} as particle; it holds {shares}",)


def _are_areas(packed: np.ndarray, keys: np.ndarray) -> bool:
    """Whether most colours form areas, as when each particle has its own colour, and unlike blends."""
    inner = packed[1:, 1:]
    flat = (inner == packed[:-1, 1:]) & (inner == packed[1:, :-1])
    return len(np.unique(inner[flat])) > _MOST_BLENDS * len(keys)


def _nearest_colours(path: Path, packed: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Assign every pixel to the nearest deliberately chosen colour, one that fills even areas.

    Returns:
        As `packed`, its colours in order, and their counts.
    """
    points = _points(keys)
    places = np.searchsorted(keys, packed)
    shown = points[places]
    is_even = np.ones(packed.shape, bool)
    for axis in (0, 1):
        steps = np.abs(np.diff(shown, axis=axis)).max(axis=-1) <= _EVEN
        is_even &= np.concatenate([steps, steps.take([-1], axis=axis)], axis=axis)
    weights = np.bincount(places[is_even], minlength=len(keys))
    chosen: list[int] = []
    for index in np.argsort(-weights, kind="stable"):
        if weights[index] == 0 or len(chosen) > _MOST_PURE:
            break
        near = np.linalg.norm(points - points[index], axis=1) <= _ALIKE / 2
        is_new = all(np.linalg.norm(points[index] - points[other]) > _ALIKE for other in chosen)
        if is_new and weights[near].sum() >= _LEAST_SHARE * packed.size:
            chosen.append(int(index))
    if not 1 <= len(chosen) <= _MOST_PURE:
        raise DatasetError(f"{path}: holds {len(keys)} colours, like a photograph; expected a painted label.")
    distances = np.stack([np.linalg.norm(points - points[index], axis=1) for index in chosen])
    snapped = np.array([_snap(int(keys[index])) for index in chosen])
    result = snapped[distances.argmin(axis=0)][places]
    return (result, *np.unique(result, return_counts=True))


def _points(keys: np.ndarray) -> np.ndarray:
    """(n, 3) float32 red, green, blue; transparent is far from every colour."""
    points = np.stack([keys >> 16, (keys >> 8) & 255, keys & 255], axis=-1).astype(np.float32)
    points[keys == _TRANSPARENT] = -1000
    return points


def _snap(key: int) -> int:
    """Restore black and white, which compression changes slightly."""
    parts = [key >> 16 & 255, key >> 8 & 255, key & 255]
    if key != _TRANSPARENT and max(parts) < _ALIKE / 2:
        return _BLACK
    return _WHITE if key != _TRANSPARENT and min(parts) > 255 - _ALIKE / 2 else key


def _name(key: int) -> str:
    return {_BLACK: "black", _WHITE: "white", _TRANSPARENT: "transparent"}.get(key, f"#{key:06x}")


def _colour(text: str) -> int | None:
    """Parse a colour given by name or number: red, #ff0000, rgb(255, 0, 0)."""
    from PIL import ImageColor

    if text.casefold() == "transparent":
        return _TRANSPARENT
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError:
        return None
    return red << 16 | green << 8 | blue
