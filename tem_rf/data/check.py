"""Check a folder before preparing it: which files pair, which do not, and why."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tem_rf.config.reading import AS_IT_IS, ReadingSettings
from tem_rf.data.pairing import Pair, Pairing, Problem, pair_labels
from tem_rf.data.pixel_size import is_same_scale
from tem_rf.data.sources import find_pairs, marking_notes, read_labelled
from tem_rf.data.variety import Content, lacks, measure_content
from tem_rf.errors import TemRfError


@dataclass(frozen=True)
class CheckedPair:
    """A micrograph and its label, both readable.

    Attributes:
        image: File of the micrograph.
        label: File of the label.
        frames: Number of frames.
        height_px: Height of a frame [px].
        width_px: Width of a frame [px].
        pixel_size_nm: Pixel size [nm], or None if unknown.
        particle_fraction: Fraction of particle pixels in all frames.
        notes: Notes of the readers.
    """

    image: Path
    label: Path
    frames: int
    height_px: int
    width_px: int
    pixel_size_nm: float | None
    particle_fraction: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class FolderCheck:
    """All usable pairs, all unusable files, notes on the set as a whole, and what it lacks for training."""

    pairs: tuple[CheckedPair, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


def check_folder(
    images: Path,
    labels: Path | None = None,
    *,
    pixel_size_nm: float | None = None,
    resample: bool = False,
    reading: ReadingSettings = AS_IT_IS,
) -> FolderCheck:
    """Pair the files of a folder and read each of them once, with one frame in memory.

    Args:
        images: Folder of micrographs, as for `pair_labels`; or one file, such as a published stack.
        labels: Folder of labels, as for `pair_labels`; or the label file of the single file.
        pixel_size_nm: Pixel size [nm], which overrides the one in the files.
        resample: Resample to square pixels, as in preparation on request; otherwise such files are a problem.
        reading: Which arrays, channels and label values to read.

    Raises:
        DatasetError: A folder is missing, or contains no micrograph.
    """
    is_one = images.is_file()
    pairing = Pairing(find_pairs(images, labels), ()) if is_one else pair_labels(images, labels, reading)
    checked: list[CheckedPair] = []
    contents: list[Content] = []
    problems = list(pairing.problems)
    for pair in pairing.pairs:
        try:
            row, content = _check_pair(pair, pixel_size_nm, resample, reading)
            checked.append(row)
            contents += content
        except TemRfError as error:
            problems.append(_problem(pair, error))
    problems += _mixed_scales(checked)
    sizes = [pair.frames * pair.height_px * pair.width_px for pair in checked]
    particle_px = sum(pair.particle_fraction * size for pair, size in zip(checked, sizes, strict=True))
    notes = marking_notes(particle_px, sum(sizes), (note for pair in checked for note in pair.notes))
    return FolderCheck(tuple(checked), tuple(problems), notes, lacks(contents))


def _check_pair(
    pair: Pair, pixel_size_nm: float | None, resample: bool, reading: ReadingSettings
) -> tuple[CheckedPair, list[Content]]:
    contents: list[Content] = []
    frames, particle_pixels, all_pixels = 0, 0, 0
    notes: dict[str, None] = {}  # in order, each once
    for labelled in read_labelled(pair, pixel_size_nm, resample=resample, reading=reading):
        frames += 1
        contents.append(measure_content(labelled.micrograph.pixels, labelled.mask))
        particle_pixels += int(labelled.mask.sum())
        all_pixels += labelled.mask.size
        notes |= dict.fromkeys((*labelled.micrograph.notes, *labelled.label_notes))
    height, width = labelled.mask.shape
    size_nm = labelled.micrograph.pixel_size_nm
    row = CheckedPair(
        pair.image, pair.label, frames, height, width, size_nm, particle_pixels / all_pixels, tuple(notes)
    )
    return row, contents


def _problem(pair: Pair, error: TemRfError) -> Problem:
    for path in (pair.image, pair.label):
        if str(error).startswith(f"{path}: "):
            return Problem(path, str(error).removeprefix(f"{path}: "))
    return Problem(pair.image, str(error))


def _mixed_scales(checked: list[CheckedPair]) -> list[Problem]:
    """Micrographs of several scales, or with and without one, which make a dataset without a meaningful scale."""
    if not checked:
        return []
    usual = Counter(row.pixel_size_nm for row in checked).most_common(1)[0][0]
    return [
        Problem(
            row.image,
            f"its pixel size is {_nm(row.pixel_size_nm)}, that of most others {_nm(usual)}; prepare them separately",
        )
        for row in checked
        if not is_same_scale(row.pixel_size_nm, usual)
    ]


def _nm(size: float | None) -> str:
    return "unknown" if size is None else f"{size:.4g} nm"
