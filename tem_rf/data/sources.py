"""Labelled micrographs, with one in memory at a time, from files with one image or several."""

import hashlib
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tem_rf.config.reading import AS_IT_IS, ReadingSettings
from tem_rf.data.formats.recording import Wanted
from tem_rf.data.label_formats.label import INVERTED, Label
from tem_rf.data.labels import read_label_frames
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.pairing import Pair, pair_labels
from tem_rf.data.pixels import resample_mask
from tem_rf.data.readers import open_recording, read_frames
from tem_rf.errors import DatasetError, ReadError

_USUAL_MOST = 0.6  # of the pixels; particles rarely cover more, but inverted masks do


@dataclass(frozen=True)
class LabelledMicrograph:
    """A micrograph and the mask of its particles.

    Attributes:
        name: Unique among the sources of a dataset.
        frame: Number of the frame, in a file of several.
        micrograph: Counts and pixel size.
        mask: (height, width) bool.
        unsure: (height, width) bool, True where the label is uncertain; None: nowhere.
        label_notes: How the label was interpreted.
        instances: (height, width) int32, number of the particle of each pixel, 0 elsewhere; None if the label does not
            tell touching particles apart.
    """

    name: str
    frame: int | None
    micrograph: Micrograph
    mask: np.ndarray
    unsure: np.ndarray | None = None
    label_notes: tuple[str, ...] = ()
    instances: np.ndarray | None = None


def find_pairs_in_folders(
    folders: Sequence[Path], labels: Path | None, reading: ReadingSettings = AS_IT_IS
) -> tuple[Pair, ...]:
    """Pair the micrographs of one folder, or of several that each contain their labels.

    Raises:
        DatasetError: As for `find_pairs`; or labels are given for several folders, or two folders have the same name.
    """
    if len(folders) == 1:
        return find_pairs(folders[0], labels, reading)
    if labels is not None:
        raise DatasetError(f"{labels}: labels for several folders; put them in labels/ beside images/ in each folder.")
    first: dict[str, Path] = {}
    for folder in folders:
        other = first.setdefault(folder.name, folder)
        if other is not folder:
            raise DatasetError(f"{folder}: has the same name as {other}, so micrographs are ambiguous; rename one.")
    return tuple(replace(pair, folder=folder.name) for folder in folders for pair in find_pairs(folder, None, reading))


def find_pairs(images: Path, labels: Path | None, reading: ReadingSettings = AS_IT_IS) -> tuple[Pair, ...]:
    """Pair micrographs with labels; reject files without a partner.

    Args:
        images: Folder, or one file such as a published HDF5 stack.
        labels: Folder or file of labels; None if they are in `images`, too.
        reading: The pattern of label names.

    Raises:
        DatasetError: A folder is missing or empty, or a file has no partner.
    """
    if images.is_file():
        if labels is None:
            raise DatasetError(f"{images}: is a single file; give the file of its labels with `labels`.")
        return (Pair(images, labels),)
    pairing = pair_labels(images, labels, reading)
    if pairing.problems:
        more = len(pairing.problems) - 1
        rest = f" (and {more} more; `tem-rf data check {shlex.quote(str(images))}` lists them)" if more else ""
        raise DatasetError(f"{pairing.problems[0]}{rest}.")
    return pairing.pairs


def count_frames(path: Path, reading: ReadingSettings = AS_IT_IS) -> int:
    """Number of images in a file.

    Raises:
        ReadError: The file cannot be read.
    """
    with open_recording(path, Wanted(reading.array)) as recording:
        return recording.count


def read_labelled(
    pair: Pair, pixel_size_nm: float | None, *, resample: bool = False, reading: ReadingSettings = AS_IT_IS
) -> Iterator[LabelledMicrograph]:
    """Read the labelled micrographs of a pair of files.

    Args:
        pair: The files.
        pixel_size_nm: Pixel size [nm], which overrides the one in the file.
        resample: Resample images whose pixels are not square, and their masks with them.
        reading: Which arrays and values to read, and whether a label may be empty.

    Raises:
        ReadError: A file cannot be read.
        DatasetError: The sizes or numbers of frames differ, or nothing or everything is labelled.
    """
    count = count_frames(pair.image, reading)
    has_particles = has_background = False
    labels: Iterator[Label] | None = None
    legend = ""
    frames = read_frames(pair.image, pixel_size_nm=pixel_size_nm, resample=resample, reading=reading)
    for number, micrograph in enumerate(frames):
        drawn_on = micrograph.recorded_shape or micrograph.pixels.shape
        labels = labels or read_label_frames(pair.label, drawn_on, image=pair.image, frames=count, reading=reading)
        label = next(labels, None)
        if label is None:
            raise DatasetError(
                f"{pair.label}: holds {number} masks, but {pair.image.name} has more images; "
                "save a mask for every image."
            )
        mask, unsure, legend, instances = label.mask, label.unsure, label.legend, label.instances
        if micrograph.recorded_shape:
            shape = micrograph.pixels.shape
            mask = resample_mask(mask, shape)
            unsure, instances = (one if one is None else resample_mask(one, shape) for one in (unsure, instances))
        has_particles |= bool(mask.any())
        has_background |= not mask.all()
        name = f"{pair.name}#{number}" if count > 1 else pair.name
        notes = tuple(f"label: {note}" for note in label.notes)
        if reading.empty_is_background and not mask.any():
            notes += ("label: marks no particles; read as background only",)
        yield LabelledMicrograph(name, number if count > 1 else None, micrograph, mask, unsure, notes, instances)
    if labels is not None and next(labels, None) is not None:
        raise DatasetError(
            f"{pair.label}: holds more masks than {pair.image.name} has images ({number + 1}); "
            "save one for every image."
        )
    _check_marking(pair, has_particles or reading.empty_is_background, has_background, legend)


def _check_marking(pair: Pair, has_particles: bool, has_background: bool, legend: str) -> None:
    held = f" It holds {legend}." if legend else ""
    if not has_particles:
        raise DatasetError(
            f"{pair.label}: marks no particles; label {pair.image.name}, or leave both files out. If it has no "
            f"particles, use it as background with `empty_is_background`.{held}"
        )
    if not has_background:
        raise DatasetError(
            f"{pair.label}: marks every pixel as particle and none as background; label {pair.image.name}, "
            f"or leave both files out.{held}"
        )


def marking_notes(particle_px: float, all_px: int, notes: Iterable[str]) -> tuple[str, ...]:
    """Notes on the fraction of pixels marked by all labels together, given the notes on each."""
    if particle_px <= _USUAL_MOST * all_px or not any(note.endswith(INVERTED) for note in notes):
        return ()
    return (f"{particle_px / all_px:.0%} of all pixels are marked as particle; are the masks inverted?",)


def sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits.

    Raises:
        ReadError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror}); check its permissions and its disk.") from error
