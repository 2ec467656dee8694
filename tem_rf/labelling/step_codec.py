"""Steps as text for the journal and for the history in memory, which has no limit and must stay small."""

import base64
import zlib
from typing import Any

import numpy as np

from tem_rf.labelling.canvas import Box, Change

_FASTEST = 1


def pack(change: Change) -> dict[str, Any]:
    """Return a step as plain JSON types, its pixels compressed."""
    return {
        "name": change.name,
        "box": [int(edge) for edge in change.box],
        "before": pack_pixels(change.before),
        "after": pack_pixels(change.after),
        "accepted": [int(number) for number in change.accepted],
        "reopened": [int(number) for number in change.reopened],
        "selected": None if change.selected is None else int(change.selected),
    }


def unpack(step: dict[str, Any]) -> Change:
    """Return the step of `pack`.

    Raises:
        ValueError: It is damaged.
        KeyError: It is damaged.
        TypeError: It is damaged.
    """
    box = Box(*map(int, step["box"]))
    before, after = (unpack_pixels(step[key], box.shape) for key in ("before", "after"))
    accepted, reopened = tuple(map(int, step["accepted"])), tuple(map(int, step["reopened"]))
    selected = None if step["selected"] is None else int(step["selected"])
    return Change(str(step["name"]), box, before, after, accepted, reopened, selected)


def pack_pixels(pixels: np.ndarray) -> str:
    """Return (height, width) int32 as text."""
    raw = np.ascontiguousarray(pixels, "<i4").tobytes()
    return base64.b64encode(zlib.compress(raw, _FASTEST)).decode("ascii")


def unpack_pixels(text: str, shape: tuple[int, int]) -> np.ndarray:
    """Return the array of `pack_pixels`.

    Raises:
        ValueError: The text is damaged, or does not have this shape.
    """
    size = 4 * shape[0] * shape[1]
    try:
        raw = zlib.decompressobj().decompress(base64.b64decode(text), size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes, expected {size}")
    return np.frombuffer(raw, "<i4").astype(np.int32).reshape(shape)
