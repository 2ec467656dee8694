"""Select architectures by receptive field: enumerate, filter, compare, match."""

import itertools
from collections.abc import Iterable
from typing import Any

from tem_rf.architecture.architecture import Architecture
from tem_rf.architecture.layers import layers
from tem_rf.architecture.receptive_field import equation_size
from tem_rf.architecture.shape import DEEPEST
from tem_rf.errors import ArchitectureError

STUDY_POOLINGS = (2, 4, 8)
BYTES_PER_VALUE = 4  # float32


def enumerate_architectures(
    depths: Iterable[int],
    *,
    poolings: Iterable[int] = STUDY_POOLINGS,
    parts: str = "",
    max_px: float | None = None,
) -> list[Architecture]:
    """All architectures whose levels have the given pooling sizes, sorted by name.

    Args:
        depths: Depths N.
        poolings: Allowed pooling sizes of each level.
        parts: Other properties they share, as parts of a name, such as "k5-average-bilinear".
        max_px: Maximum mean width of the exact field [px]; excludes those that see the whole image.

    Raises:
        ArchitectureError: An invalid depth, size or part of a name.

    >>> [len(enumerate_architectures([depth])) for depth in (2, 3, 4)]
    [9, 27, 81]
    >>> [architecture.name for architecture in enumerate_architectures([2], max_px=64)]
    ['n2-p22', 'n2-p24']
    """
    architectures = [
        Architecture.from_name("-".join(filter(None, [Architecture(sequence).name, parts])))
        for depth in depths
        for sequence in itertools.product(poolings, repeat=_checked_depth(depth))
    ]
    return [each for each in architectures if max_px is None or _field_within(each, max_px)]


def nearest_per_depth(architectures: Iterable[Architecture], size_px: float) -> list[Architecture]:
    """For each depth, the architecture whose mean exact width is nearest to a size [px].

    In a tie the one with the smaller reach is taken. These architectures separate the effects of depth and field.

    >>> [a.name for a in nearest_per_depth(enumerate_architectures([2, 3]), 120)]
    ['n2-p44', 'n3-p224']
    """
    nearest: dict[int, tuple[float, int, Architecture]] = {}
    for each in architectures:
        field = each.receptive_field
        if field.size_px is None or field.reach_px is None:
            continue
        candidate = (abs(field.size_px.mean - size_px), field.reach_px, each)
        if each.depth not in nearest or candidate[:2] < nearest[each.depth][:2]:
            nearest[each.depth] = candidate
    return [each for _, _, each in nearest.values()]


def activation_memory_mb(architecture: Architecture, patch_size: int) -> float:
    """Memory of all layer outputs for one patch, in float32 [MB]: the maximum that backpropagation keeps.

    >>> round(activation_memory_mb(Architecture((2, 2)), 512), 1)
    146.3
    """
    values_per_px = sum(layer.values_per_px for layer in layers(architecture))
    return values_per_px * patch_size**2 * BYTES_PER_VALUE / 1e6


def full_view_fraction(architecture: Architecture, patch_size: int) -> float:
    """Fraction of the pixels of a patch whose whole field is inside it; the others see zeros beyond the border.

    >>> round(full_view_fraction(Architecture((8, 8)), 512), 3)  # ((512 - 2 * 227) / 512) ** 2
    0.013
    """
    reach_px = architecture.receptive_field.reach_px
    return 0.0 if reach_px is None else (max(0, patch_size - 2 * reach_px) / patch_size) ** 2


def describe(architecture: Architecture, *, patch_size: int, pixel_size_nm: float | None = None) -> dict[str, Any]:
    """One flat record of an architecture, for tables, CSV and JSON; None: it sees the whole image."""
    field = architecture.receptive_field
    smallest, mean, largest = field.size_px or (None, None, None)
    record: dict[str, Any] = {
        "name": architecture.name,
        "depth": architecture.depth,
        "stride_px": architecture.stride,
        "parameters": architecture.parameters,
        "equation_size_px": field.equation_size_px,
        "size_min_px": smallest,
        "size_mean_px": mean,
        "size_max_px": largest,
        "reach_px": field.reach_px,
        "has_holes": field.has_holes,
        "patch_size": patch_size,
        "full_view_fraction": full_view_fraction(architecture, patch_size),
        "activation_memory_mb": activation_memory_mb(architecture, patch_size),
    }
    if pixel_size_nm is not None:
        for length in ("equation_size", "size_min", "size_mean", "size_max", "reach"):
            pixels = record[f"{length}_px"]
            record[f"{length}_nm"] = None if pixels is None else pixels * pixel_size_nm
    return record


def _field_within(architecture: Architecture, max_px: float) -> bool:
    if equation_size(architecture) > max_px:  # at most the exact mean, and faster
        return False
    size_px = architecture.receptive_field.size_px
    return size_px is not None and size_px.mean <= max_px


def _checked_depth(depth: int) -> int:
    if not 1 <= depth <= DEEPEST:
        raise ArchitectureError(f"depth: expected whole numbers from 1 to {DEEPEST}, received {depth}.")
    return depth
