"""Describe the micrographs a network was trained on, and score it on held-out micrographs before export."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from tem_rf.data.manifest import Source
from tem_rf.data.pixels import resample_mask
from tem_rf.data.prepared import open_dataset
from tem_rf.data.simulation.folder import read_simulation_settings
from tem_rf.data.sources import find_pairs, read_labelled
from tem_rf.errors import DatasetError
from tem_rf.inference.card import HeldOutScores, Kind, MicrographSet
from tem_rf.inference.model import Segmenter
from tem_rf.inference.predict import segment_micrograph
from tem_rf.metrics.dice import hard_dice
from tem_rf.runs.config import RunConfig
from tem_rf.runs.dataset import open_training_data


def describe_micrographs(config: RunConfig) -> tuple[MicrographSet, ...]:
    """Describe the micrographs in the dataset of a run, by folder; empty if the dataset is missing or has changed."""
    try:
        dataset = open_dataset(config.dataset)
    except DatasetError:
        return ()
    if dataset.fingerprint != config.dataset_sha256:
        return ()
    sources = dataset.manifest.sources
    folders: dict[Path, list[Source]] = {}
    for source in sources:
        folders.setdefault(_set_folder(Path(source.file).parent), []).append(source)
    return tuple(_describe(folder, sources) for folder, sources in folders.items())


def training_coverage(config: RunConfig) -> tuple[float, float, float] | None:
    """Minimum, mean and maximum particle fraction of the training micrographs; None if the dataset is missing."""
    try:
        dataset = open_training_data(config)
    except DatasetError:
        return None
    trained_on = {patch.source for patch in dataset.patches if patch.split == "train"}
    fractions = [one.particle_fraction for one in dataset.manifest.sources if one.name in trained_on]
    return min(fractions), statistics.fmean(fractions), max(fractions)


def score_held_out(segmenter: Segmenter, folder: Path, *, name: str) -> HeldOutScores:
    """Segment labelled micrographs like `tem-rf segment`, and score the masks.

    Args:
        segmenter: The network.
        folder: Folder with images/ and labels/ (or masks/), or with both kinds of files side by side.
        name: Name of these micrographs in the card.

    Raises:
        DatasetError: The folder is missing or empty, or a file has no partner.
        ReadError: A file cannot be read.
    """
    scores = []
    for pair in find_pairs(folder, None):
        for labelled in read_labelled(pair, None):
            mask = segment_micrograph(segmenter, labelled.micrograph).mask
            label = resample_mask(labelled.mask, mask.shape)  # a network that rescales returns a rescaled mask
            scores.append(float(hard_dice(mask[None], label[None])[0]))
    return HeldOutScores(
        name=name,
        kind=_kind(folder),
        micrographs=len(scores),
        hard_dice=statistics.fmean(scores),
        hard_dice_sd=statistics.stdev(scores) if len(scores) > 1 else None,
        min_hard_dice=min(scores),
    )


def simulated_doses(sets: Iterable[MicrographSet]) -> Sequence[float]:
    """Return the simulated doses in ascending order [e/Å²]."""
    return sorted({one.dose_e_per_angstrom2 for one in sets if one.dose_e_per_angstrom2 is not None})


def _describe(folder: Path, sources: Sequence[Source]) -> MicrographSet:
    known = {"name": folder.name, "micrographs": len(sources), "patches": sum(source.patches for source in sources)}
    settings = read_simulation_settings(folder)
    if settings is None:
        return MicrographSet(kind="measured", **known)
    return MicrographSet(
        kind="simulated",
        **known,
        pixel_size_nm=settings.pixel_size_nm,
        diameter_nm=settings.diameter_nm,
        dose_e_per_angstrom2=settings.dose_e_per_angstrom2,
        defocus_nm=settings.defocus_nm,
        carbon_nm=settings.carbon_nm,
    )


def _set_folder(images: Path) -> Path:
    return images.parent if images.name == "images" else images


def _kind(folder: Path) -> Kind:
    return "measured" if read_simulation_settings(folder) is None else "simulated"
