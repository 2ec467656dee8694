"""Folds of a dataset for cross-validation: every micrograph is held out for testing once."""

from dataclasses import replace

import numpy as np

from tem_rf.data.prepared import PreparedDataset
from tem_rf.data.splits import groups_of
from tem_rf.errors import SettingsError


def in_fold(dataset: PreparedDataset, fold: int, folds: int) -> PreparedDataset:
    """The same dataset with one fold for testing and all others for training, whatever its own splits are.

    Args:
        dataset: The dataset.
        fold: Number of the fold, from 1.
        folds: Number of folds; as many as micrographs leave out one each.

    Raises:
        SettingsError: There are fewer micrographs than folds.
    """
    held_out = {name for name, own in assign_folds(dataset, folds).items() if own == fold}
    patches = [replace(patch, split="test" if patch.source in held_out else "train") for patch in dataset.patches]
    return replace(dataset, patches=patches, fold=(fold, folds))


def assign_folds(dataset: PreparedDataset, folds: int) -> dict[str, int]:
    """The fold of each micrograph that has patches, so that every fold spans the range of particle fractions.

    Micrographs of the same area are in one fold.

    Raises:
        SettingsError: There are fewer micrographs than folds.
    """
    used = [source for source in dataset.manifest.sources if source.patches]
    place = {source.name: index for index, source in enumerate(used)}
    pairs = [
        (place[pair.one], place[pair.other])
        for pair in dataset.manifest.near_duplicates
        if pair.one in place and pair.other in place
    ]
    groups = groups_of(pairs)
    grouped = set().union(*groups) if groups else set()
    groups += [{index} for index in range(len(used)) if index not in grouped]
    if len(groups) < folds:
        shared = "" if len(groups) == len(used) else f", of which some share an area and make {len(groups)} groups"
        raise SettingsError(
            f"`folds`: {dataset.folder} has {len(used)} micrographs{shared}; expected 2 to {len(groups)} folds, "
            f"received {folds}."
        )
    fractions = [np.mean([used[index].particle_fraction for index in group]) for group in groups]
    sizes = [0] * (folds + 1)
    result: dict[str, int] = {}
    # The largest groups first, each into the smallest fold; equal ones in the order of their particle fractions.
    for _, group in sorted(zip(fractions, groups, strict=True), key=lambda one: (-len(one[1]), one[0], min(one[1]))):
        fold = min(range(1, folds + 1), key=lambda number: (sizes[number], number))
        sizes[fold] += len(group)
        result |= {used[index].name: fold for index in group}
    return result
