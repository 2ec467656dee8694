"""Divide a dataset into training, validation and test."""

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np

from tem_rf.errors import DatasetError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


def split_by_micrograph(particle_fractions: np.ndarray, seed: int) -> list[Split]:
    """Divide micrographs 70-10-20, so that every split spans the range of particle fractions.

    In order of particle fraction, the members of a split are evenly spaced, at random positions.

    Args:
        particle_fractions: (n,) particle fraction of each micrograph.
        seed: Determines the positions.

    Returns:
        The split of each micrograph; none is empty.

    Raises:
        DatasetError: Fewer than three micrographs.
    """
    number = len(particle_fractions)
    if number < len(SPLITS):
        raise DatasetError(
            f"{number} labelled micrograph{'s' if number > 1 else ''} with particles; a split by micrograph needs at "
            "least 3: add micrographs, or divide the patches themselves with `split` study."
        )
    random = np.random.default_rng(seed)
    positions = [(np.arange(count) + random.random(count)) / count for count in _whole_parts(number)]
    owners = np.repeat(np.arange(len(SPLITS)), [len(each) for each in positions])[np.argsort(np.concatenate(positions))]
    splits = np.empty(number, int)
    splits[np.argsort(particle_fractions, kind="stable")] = owners
    return [SPLITS[split] for split in splits]


def keep_together(
    splits: list[Split], overlaps: Iterable[tuple[int, int]], particle_fractions: np.ndarray
) -> list[Split]:
    """Move micrographs of the same area into one split, the training split, keeping the sizes of the splits.

    Each one that moves is exchanged with the training micrograph of most similar particle fraction that overlaps none.
    If there are none left, as in a video of a single field, the rest stays.

    Args:
        splits: The split of each micrograph.
        overlaps: Pairs of micrographs of the same area.
        particle_fractions: (n,) particle fraction of each micrograph.

    Returns:
        The split of each micrograph.
    """
    result = list(splits)
    groups = _groups(overlaps)
    grouped = {member for group in groups for member in group}
    free = [index for index, split in enumerate(splits) if split == "train" and index not in grouped]
    for group in groups:
        movers = [member for member in group if result[member] != "train"]
        if len({result[member] for member in group}) == 1 or len(movers) > len(free):
            continue
        for member in movers:
            partner = min(free, key=lambda index: abs(particle_fractions[index] - particle_fractions[member]))
            free.remove(partner)
            result[partner], result[member] = result[member], "train"
    return result


def _groups(pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Sets of indices that are connected by pairs, directly or through others."""
    groups: list[set[int]] = []
    for pair in pairs:
        joined = set(pair).union(*(group for group in groups if group & set(pair)))
        groups = [group for group in groups if not group & joined] + [joined]
    return groups


def split_in_order(number: int) -> list[Split]:
    """Divide patches 70-10-20 in their order, as in the study.

    Args:
        number: Number of patches.

    Returns:
        The split of each patch; none is empty.

    Raises:
        DatasetError: Fewer than three patches.

    Source: Sytwu et al. 2022, "Dataset Creation".
    """
    if number < len(SPLITS):
        raise DatasetError(
            f"{number} patch{'es' if number > 1 else ''} with particles; training, validation and test need at least "
            "3: add micrographs, or choose a smaller `patch_size` or `background_threshold`."
        )
    return [split for split, count in zip(SPLITS, _whole_parts(number), strict=True) for _ in range(count)]


def _whole_parts(number: int) -> tuple[int, int, int]:
    """A tenth and a fifth, rounded and at least one each, are validation and test; the rest is training."""
    validation, test = max(1, round(number / 10)), max(1, round(number / 5))
    return number - validation - test, validation, test
