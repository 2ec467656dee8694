"""Masks and images of instance numbers: find out which of their values is particle."""

from pathlib import Path

import numpy as np

from tem_rf.data.label_formats.label import Label, legend, percent
from tem_rf.data.label_formats.numbers import are_surely_numbers, particle_numbers
from tem_rf.data.label_formats.roles import OPTIONS, Role, Roles
from tem_rf.errors import DatasetError

RESERVED = {2: 65535, 4: 4294967295}
"""Value of pixels that are not sure in an image of instance numbers, by the bytes of its type: the largest one."""

_COUNTED_RANGE = 2**20  # integers within this range are counted without sorting
_SOFT_SPAN = 16  # minimum number of grey levels between which edges can be blurred
_MOST_CLASSES = 10
_PIECES_OF_A_CLASS = 2  # on average; a particle is in one piece
_LEAST_NOISE_LEVELS, _PIECES_OF_NOISE = 8, 5
_LARGEST_SAMPLE = 2**22  # pixels in which pieces are counted


def label_of_values(path: Path, frame: np.ndarray, roles: Roles, *, is_lossy: bool = False) -> Label:
    """Tell particle from background by value.

    Zero is background and all other values are particle. Without zero, NaN is background, or the lower of two values.
    The largest value of 16 or 32 bits is not sure beside numbers of particles.
    With more values, the user must choose. Edges blurred by lossy compression or smooth drawing are cut at half
    height.

    Args:
        path: The file, for the error.
        frame: (height, width) booleans or numbers.
        roles: The user's roles of the values.
        is_lossy: Whether the pixels were compressed with loss.

    Raises:
        DatasetError: It is ambiguous which value is particle, or the image is not a label.
    """
    if frame.dtype == bool:
        frame = frame.astype(np.uint8)
    missing = np.isnan(frame) if frame.dtype.kind == "f" else np.zeros(frame.shape, bool)
    values, counts = _count(frame, missing)
    entries = [(_text(value), count / max(1, frame.size)) for value, count in zip(values, counts, strict=True)]
    shares = legend([*entries, *([("NaN", float(missing.mean()))] if missing.any() else [])])
    notes: tuple[str, ...] = ()
    if missing.any():
        notes = (f"NaN is read as background, {percent(float(missing.mean()))} of the pixels",)
    named = roles.assign(values.tolist(), _number)
    if roles.say_particle:
        return _by_role(frame, named, missing, (), shares)
    reserved = _reserved(frame, values)
    if reserved is not None and reserved not in named:
        named = {**named, reserved: "not sure"}
        notes += (f"value {reserved} is read as not sure; to read it otherwise, {OPTIONS}",)
    unsure = _of_role(frame, named, "not sure") & ~missing if named else None
    left = np.array([value not in named for value in values.tolist()], bool)
    values, counts = values[left], counts[left]
    if not len(values):
        return Label(np.zeros(frame.shape, bool), unsure, notes, shares)
    if unsure is None and not are_surely_numbers(frame, values):
        soft = _cut_soft_edges(path, frame, missing, values, counts, is_lossy)
        if soft is not None:
            return Label(soft.mask, None, notes + soft.notes, shares)
    background, more = _background(path, frame, values, counts, bool(missing.any()), shares)
    mask = ~missing if background is None else (frame != background) & ~missing
    if unsure is not None:
        mask &= ~unsure
    return Label(mask, unsure, notes + more, shares, particle_numbers(frame, mask))


def _reserved(frame: np.ndarray, values: np.ndarray) -> int | None:
    """The value of pixels that are not sure, if the label has such pixels; 0 and 65535 alone are a mask."""
    reserved = RESERVED.get(frame.dtype.itemsize) if frame.dtype.kind == "u" else None
    if reserved is None or not len(values) or values[-1] != reserved:
        return None
    others = values[(values != 0) & (values != reserved)]
    if not len(others):
        return reserved if reserved > 65535 else None
    return reserved if others[-1] <= reserved // 2 else None  # levels of a soft edge are spread over the range


def _by_role(
    frame: np.ndarray, named: dict[float, Role], missing: np.ndarray, notes: tuple[str, ...], shares: str
) -> Label:
    unsure = _of_role(frame, named, "not sure")
    mask = _of_role(frame, named, "particle") & ~missing
    return Label(mask, unsure if unsure.any() else None, notes, shares, particle_numbers(frame, mask))


def _of_role(frame: np.ndarray, named: dict[float, Role], role: Role) -> np.ndarray:
    return np.isin(frame, [value for value, its in named.items() if its == role])


def _background(
    path: Path, frame: np.ndarray, values: np.ndarray, counts: np.ndarray, has_missing: bool, shares: str
) -> tuple[float | None, tuple[str, ...]]:
    """The background value, None if only NaN is background, and notes."""
    lowest, several = values[0].item(), len(values) > 1
    if 0 in values:
        others = values[values != 0]
        if lowest < 0 and len(others) > 1:
            raise _undecided(path, shares)
        if lowest < 0:
            return 0, (f"value {_text(lowest)} is read as particle, 0 as background",)
        return 0, _class_notes(frame, others, shares)
    if has_missing:
        return None, ()
    if not several:
        return None, ()
    if len(values) == 2 or lowest == -1:
        particle = _text(values[1]) if len(values) == 2 else "the others"
        return lowest, (
            f"holds no 0: value {_text(lowest)} is read as background, {particle} as particle; if wrong, {OPTIONS}",
        )
    raise _undecided(path, shares)


def _class_notes(frame: np.ndarray, others: np.ndarray, shares: str) -> tuple[str, ...]:
    """A note if several values may be classes rather than particles."""
    if not 2 <= len(others) <= _MOST_CLASSES:
        return ()
    if len(others) > 3:
        from scipy.ndimage import label

        step = int(np.ceil(np.sqrt(frame.size / _LARGEST_SAMPLE)))
        sample = frame[::step, ::step]
        pieces = sum(label(sample == value)[1] for value in others)
        if pieces <= _PIECES_OF_A_CLASS * len(others):
            return ()
    return (f"all values except 0 are read as particles: {shares}; if they are classes, {OPTIONS}",)


def _cut_soft_edges(
    path: Path, frame: np.ndarray, missing: np.ndarray, values: np.ndarray, counts: np.ndarray, is_lossy: bool
) -> Label | None:
    """The mask if its edges are blurred; None if the values are classes or instances.

    Raises:
        DatasetError: The values vary as in a micrograph.
    """
    low, high = float(values[0]), float(values[-1])
    are_levels = high - low >= _SOFT_SPAN or not np.array_equal(values, np.round(values))
    if len(values) < 3 or not (is_lossy or are_levels):
        return None
    level = (frame.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    level[missing] = 0
    flat = _flat_share(frame, (level > 0) & (level < 0.8))
    middle, top = float(np.mean((level > 0.2) & (level < 0.8))), float(np.mean(level >= 0.8))
    has_two_levels = middle <= 0.3 and top >= (middle if is_lossy else 0.3 * (middle + top))
    if has_two_levels and (is_lossy or flat <= 0.1 or _is_noise(frame, values)):
        why = "was compressed with loss (JPEG)" if is_lossy else "has soft edges"
        return Label(level > 0.5, None, (f"{why}; cut half-way between {_text(low)} and {_text(high)}",))
    if flat <= 0.5 and low >= 0 and high <= 1:
        return Label(
            level * (high - low) + low > 0.5, None, ("holds values from 0 to 1; those above 0.5 are particle",)
        )
    if is_lossy or (flat <= 0.5 and len(values) > 3 * _SOFT_SPAN):
        raise DatasetError(
            f"{path}: holds {len(values)} values from {_text(low)} to {_text(high)} that change from pixel to pixel, "
            "as in a micrograph; expected a mask, in which each particle has one value. Is it the micrograph itself?"
        )
    return None


def _is_noise(frame: np.ndarray, values: np.ndarray) -> bool:
    """Whether low values are scattered around edges, as left by lossy compression, rather than within particles."""
    from scipy.ndimage import label

    low = values[(values > values[0]) & (values < values[0] + 0.8 * (values[-1] - values[0]))]
    if len(low) < _LEAST_NOISE_LEVELS:
        return False
    step = int(np.ceil(len(low) / _LEAST_NOISE_LEVELS))
    pieces = [label(frame == value)[1] for value in low[::step]]
    return float(np.mean(pieces)) >= _PIECES_OF_NOISE


def _flat_share(frame: np.ndarray, region: np.ndarray) -> float:
    """Fraction of a region whose pixels equal those above and to the left."""
    inner = frame[1:, 1:]
    flat = (inner == frame[:-1, 1:]) & (inner == frame[1:, :-1]) & region[1:, 1:]
    return float(flat.sum()) / max(1, int(region[1:, 1:].sum()))


def _count(frame: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values except NaN, in order, and their counts."""
    present = frame[~missing] if missing.any() else frame.ravel()
    if not present.size:
        return np.zeros(0), np.zeros(0, int)
    if frame.dtype.kind in "ui":
        low, high = int(present.min()), int(present.max())
        if high - low < _COUNTED_RANGE:
            numbers = np.bincount((present.astype(np.int64) - low).ravel())
            (found,) = np.nonzero(numbers)
            return found + low, numbers[found]
    return np.unique(present, return_counts=True)


def _undecided(path: Path, shares: str) -> DatasetError:
    return DatasetError(f"{path}: holds the values {shares}, and it is not clear which are particle; {OPTIONS}.")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _text(value: float) -> str:
    return f"{float(value):.6g}"
