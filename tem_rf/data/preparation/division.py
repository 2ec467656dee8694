"""Divide a dataset: assign micrographs or patches to training, validation and test."""

from dataclasses import replace

import numpy as np

from tem_rf.config.preparation import PreparationSettings
from tem_rf.data.manifest import NearDuplicate, Source
from tem_rf.data.preparation.near_duplicates import Overlap
from tem_rf.data.prepared import Patch
from tem_rf.data.splits import (
    SPLITS,
    Split,
    SplitSizes,
    keep_together,
    named_micrographs,
    split_by_micrograph,
    split_in_order,
)


def divide(
    sources: list[Source], patches: list[Patch], overlaps: list[Overlap], settings: PreparationSettings
) -> tuple[list[Source], list[Patch]]:
    """Assign every patch to a split, and record the splits of every source.

    Args:
        sources: All micrographs.
        patches: Their patches.
        overlaps: Micrographs of the same area, by index; they stay together unless the study's split is used.
        settings: The type of split.

    Raises:
        DatasetError: Too few micrographs or patches.
    """
    if settings.split == "study":
        splits = split_in_order(len(patches))
    else:
        split_of = _split_of_sources(sources, overlaps, settings)
        splits = [split_of[patch.source] for patch in patches]
    patches = [replace(patch, split=split) for patch, split in zip(patches, splits, strict=True)]
    found = {(patch.source, patch.split) for patch in patches}
    return [
        source.model_copy(update={"splits": tuple(split for split in SPLITS if (source.name, split) in found)})
        for source in sources
    ], patches


def _split_of_sources(
    sources: list[Source], overlaps: list[Overlap], settings: PreparationSettings
) -> dict[str, Split]:
    """Split the micrographs that have patches; those of the same area stay together, except named ones."""
    used = [index for index, source in enumerate(sources) if source.patches]
    sizes = SplitSizes(settings.train_count, settings.validation_count, settings.test_count)
    named: list[str] = []
    if settings.test_names:
        names = [sources[index].name for index in used]
        named = [names[index] for index in named_micrographs(names, settings.test_names)]
        used = [index for index in used if sources[index].name not in named]
        sizes = sizes._replace(test=0)
    fractions = np.array([sources[index].particle_fraction for index in used])
    rank = {index: position for position, index in enumerate(used)}
    together = [(rank[pair.one], rank[pair.other]) for pair in overlaps if pair.one in rank and pair.other in rank]
    splits = keep_together(split_by_micrograph(fractions, settings.seed, sizes), together, fractions)
    divided = {sources[index].name: split for index, split in zip(used, splits, strict=True)}
    return divided | dict.fromkeys(named, "test")


def describe_overlaps(overlaps: list[Overlap], sources: list[Source]) -> tuple[NearDuplicate, ...]:
    """Name the micrographs of the same area, and mark those in different splits."""
    return tuple(_near_duplicate(overlap, sources[overlap.one], sources[overlap.other]) for overlap in overlaps)


def _near_duplicate(overlap: Overlap, one: Source, other: Source) -> NearDuplicate:
    down, right = overlap.shift_px
    return NearDuplicate(
        one=one.name,
        other=other.name,
        overlap=round((1 - abs(down) / one.height) * (1 - abs(right) / one.width), 3),
        shift_px=overlap.shift_px,
        significance=round(overlap.significance, 1),
        is_leak=bool(one.splits) and bool(other.splits) and len({*one.splits, *other.splits}) > 1,
    )
