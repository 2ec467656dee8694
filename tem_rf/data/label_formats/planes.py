"""Labels with several planes for one micrograph: one channel per class, or one page per particle."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tem_rf.data.label_formats.label import Label, legend
from tem_rf.data.label_formats.roles import OPTIONS, Roles
from tem_rf.data.label_formats.values import label_of_values
from tem_rf.errors import DatasetError

_MOST_CLASSES = 16
_OVERLAP = 0.2  # of the area of particles; masks of different frames overlap more
_SUM_TOLERANCE = 0.02


def label_of_planes(path: Path, planes: Iterable[np.ndarray], count: int, roles: Roles, what: str) -> Label:
    """Tell particle from background by plane.

    If every pixel is marked in exactly one plane, the planes are classes: of two, the second is particle, as in the
    published maps; with more, the user must choose. Otherwise each plane is a particle, and they are merged.

    Args:
        path: The file, for the error.
        planes: (height, width) each, read one after the other.
        count: Number of planes.
        roles: The user's roles, in which planes are numbered 1, 2, ...
        what: What the planes are: channels or pages.

    Raises:
        DatasetError: It is ambiguous which plane is particle, or they are masks of different images.
    """
    named = roles.assign([str(number) for number in range(1, count + 1)], lambda text: text.strip())
    kept: list[np.ndarray] = []
    times = union = unsure = total = instances = None
    shares: list[tuple[str, float]] = []
    for number, plane in enumerate(planes, start=1):
        values = np.nan_to_num(plane.astype(np.float32)) if plane.dtype != bool else plane.astype(np.float32)
        marked = _marked(path, plane, number, count, what, named)
        shares.append((f"{number}", float(marked.mean())))
        role = named.get(str(number))
        if times is None or union is None or unsure is None or total is None or instances is None:
            times, total = np.zeros(marked.shape, np.uint16), np.zeros(marked.shape, np.float32)
            union, unsure = np.zeros(marked.shape, bool), np.zeros(marked.shape, bool)
            instances = np.zeros(marked.shape, np.int32)
        times += marked
        total += values
        if role in (None, "particle"):
            instances[marked & ~union] = number
            union |= marked
        unsure |= marked if role == "not sure" else False
        if count <= _MOST_CLASSES:
            kept.append(marked)
    if times is None or union is None or unsure is None or total is None or instances is None:
        raise DatasetError(f"{path}: holds no {what}.")
    listed = f"{count} {what}: {legend(shares)}"
    if roles.say_particle:
        return Label(union & ~unsure, unsure if unsure.any() else None, (), listed)
    if _are_classes(times, total):
        if count == 2:
            return Label(kept[1], None, (f"holds 2 {what}, background and particle; used the second",), listed)
        raise DatasetError(f"{path}: holds {listed}, one class each; it is not clear which are particle; {OPTIONS}.")
    if (times > 1).sum() > _OVERLAP * (times > 0).sum():
        raise DatasetError(
            f"{path}: holds several overlapping masks for one micrograph ({listed}); save the right one "
            "separately, or select it with `particle`."
        )
    unsure_or_none = unsure if unsure.any() else None
    note = f"holds {count} {what}, one particle each; they were merged"
    return Label(union & ~unsure, unsure_or_none, (note,), listed, np.where(unsure, 0, instances))


def _marked(path: Path, plane: np.ndarray, number: int, count: int, what: str, named: dict) -> np.ndarray:
    """Mask of a plane; a plane that the user excluded may have any content."""
    try:
        return label_of_values(path, plane, Roles()).mask
    except DatasetError as error:
        if named.get(str(number)) == "background":
            return np.zeros(plane.shape, bool)
        raise DatasetError(f"{error} It is number {number} of {count} {what}; {OPTIONS}.") from error


def _are_classes(times: np.ndarray, total: np.ndarray) -> bool:
    """Whether every pixel belongs to one plane, or the planes are probabilities that add up to one."""
    if (times == 1).mean() > 1 - _SUM_TOLERANCE:
        return True
    most = float(total.max())
    return most > 0 and bool((np.abs(total / most - 1) < _SUM_TOLERANCE).all())
