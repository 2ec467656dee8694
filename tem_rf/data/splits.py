"""Divide a dataset into training, validation and test."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from tem_rf.errors import DatasetError, SettingsError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


class SplitSizes(NamedTuple):
    """Numbers of micrographs in the splits; None: their part of 70-10-20 of what the others leave."""

    train: int | None = None
    validation: int | None = None
    test: int | None = None


AS_USUAL = SplitSizes()


def split_by_micrograph(particle_fractions: np.ndarray, seed: int, sizes: SplitSizes = AS_USUAL) -> list[Split]:
    """Divide micrographs, 70-10-20 unless sizes are given, so that every split spans the range of particle fractions.

    In order of particle fraction, the members of a split are evenly spaced, at random positions.

    Args:
        particle_fractions: (n,) particle fraction of each micrograph.
        seed: Determines the positions.
        sizes: Sizes of the splits.

    Returns:
        The split of each micrograph; none is empty unless its size is 0.

    Raises:
        DatasetError: Fewer than three micrographs, and no sizes are given.
        SettingsError: The sizes do not add up.
    """
    number = len(particle_fractions)
    if number < len(SPLITS) and sizes == AS_USUAL:
        raise DatasetError(
            f"{number} labelled micrograph{'s' if number > 1 else ''} with particles; a split by micrograph needs at "
            "least 3: add micrographs, give `validation_count` and `test_count` 0 and train with `folds`, or divide "
            "the patches themselves with `split` study."
        )
    random = np.random.default_rng(seed)
    positions = [(np.arange(count) + random.random(count)) / count for count in whole_sizes(number, sizes)]
    owners = np.repeat(np.arange(len(SPLITS)), [len(each) for each in positions])[np.argsort(np.concatenate(positions))]
    splits = np.empty(number, int)
    splits[np.argsort(particle_fractions, kind="stable")] = owners
    return [SPLITS[split] for split in splits]


def whole_sizes(number: int, sizes: SplitSizes = AS_USUAL) -> tuple[int, int, int]:
    """Number of micrographs in each split.

    Args:
        number: Micrographs to divide.
        sizes: Sizes that are given; the others share what is left, with at least one each.

    Raises:
        SettingsError: The sizes do not add up.

    >>> whole_sizes(20), whole_sizes(20, SplitSizes(train=3)), whole_sizes(9, SplitSizes(validation=1, test=0))
    ((14, 2, 4), (3, 6, 11), (8, 1, 0))
    """
    if sizes == AS_USUAL:
        return _whole_parts(number)
    shares = dict(zip(SPLITS, (7, 1, 2), strict=True))
    counts = {split: size for split, size in sizes._asdict().items() if size is not None}
    open_splits = [split for split in SPLITS if split not in counts]
    left = number - sum(counts.values())
    if left < len(open_splits) or (left and not open_splits):
        given = ", ".join(f"`{split}_count` {size}" for split, size in counts.items())
        raise SettingsError(
            f"{given}: expected sizes for {number} micrographs"
            + (f" that leave at least one for {' and '.join(open_splits)}" if open_splits else "")
            + f", received {number - left}; change one, or leave one out to give it the rest."
        )
    for position, split in enumerate(open_splits):
        waiting = open_splits[position + 1 :]
        part = shares[split] / (shares[split] + sum(shares[other] for other in waiting))
        counts[split] = min(max(1, round(left * part)), left - len(waiting))
        left -= counts[split]
    return counts["train"], counts["validation"], counts["test"]


def named_micrographs(names: Sequence[str], patterns: Sequence[str]) -> list[int]:
    """Indices of the micrographs that a user named.

    Args:
        names: Names of all micrographs, such as au_17.tif.
        patterns: Names with or without their ending, or patterns such as au_1*.

    Raises:
        SettingsError: A pattern names none, or all are named.

    >>> named_micrographs(["au_1.tif", "au_2.tif", "pt_1.tif"], ["pt_*", "au_2"])
    [1, 2]
    """
    found: set[int] = set()
    for pattern in patterns:
        matching = {
            index
            for index, name in enumerate(names)
            if any(fnmatchcase(called, pattern) for called in (name, Path(name).name, Path(name).stem))
        }
        if not matching:
            some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            raise SettingsError(f"`test_names`: no micrograph is named {pattern!r}; expected one of {some}.")
        found |= matching
    if names and len(found) == len(names):
        raise SettingsError("`test_names`: names all micrographs, so none is left for training; name fewer.")
    return sorted(found)


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
    groups = groups_of(overlaps)
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


def groups_of(pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
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
