"""Labelled micrographs, one in memory at a time, whether a file holds one or many."""

import hashlib
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tem_rf.data.labels import read_label_frames
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.pairing import Pair, pair_labels
from tem_rf.data.pixels import resample_mask
from tem_rf.data.readers import open_recording, read_frames
from tem_rf.errors import DatasetError, ReadError

_USUAL_MOST = 0.6  # of the pixels; particles that cover more are rare, inverted masks are not


@dataclass(frozen=True)
class LabelledMicrograph:
    """A micrograph and the mask of its particles.

    Attributes:
        name: Unique among the sources of a dataset.
        frame: Number of the frame, in a file of several.
        micrograph: Counts and pixel size.
        mask: (height, width) bool.
    """

    name: str
    frame: int | None
    micrograph: Micrograph
    mask: np.ndarray


def find_pairs_in_folders(folders: Sequence[Path], labels: Path | None) -> tuple[Pair, ...]:
    """Pair the micrographs of one folder, or of several that each hold their labels.

    Raises:
        DatasetError: As `find_pairs`; or labels are given for several folders, or two have one name.
    """
    if len(folders) == 1:
        return find_pairs(folders[0], labels)
    if labels is not None:
        raise DatasetError(f"{labels}: labels of several folders; keep them in labels/ beside images/ in each folder.")
    first: dict[str, Path] = {}
    for folder in folders:
        other = first.setdefault(folder.name, folder)
        if other is not folder:
            raise DatasetError(f"{folder}: has the name of {other}, by which micrographs are told apart; rename one.")
    return tuple(replace(pair, folder=folder.name) for folder in folders for pair in find_pairs(folder, None))


def find_pairs(images: Path, labels: Path | None) -> tuple[Pair, ...]:
    """Pair micrographs with labels, refusing whatever is left over.

    Args:
        images: Folder, or one file such as a published HDF5 stack.
        labels: Folder or file of labels; None where `images` holds them too.

    Raises:
        DatasetError: A folder is missing or empty, or a file has no partner.
    """
    if images.is_file():
        if labels is None:
            raise DatasetError(f"{images}: is one file; give the file of its labels with --labels.")
        return (Pair(images, labels),)
    pairing = pair_labels(images, labels)
    if pairing.problems:
        more = len(pairing.problems) - 1
        rest = f" (and {more} more; `tem-rf data check {shlex.quote(str(images))}` lists them)" if more else ""
        raise DatasetError(f"{pairing.problems[0]}{rest}.")
    return pairing.pairs


def count_frames(path: Path) -> int:
    """Images in a file.

    Raises:
        ReadError: The file cannot be read.
    """
    with open_recording(path) as recording:
        return recording.count


def read_labelled(pair: Pair, pixel_size_nm: float | None, *, resample: bool = False) -> Iterator[LabelledMicrograph]:
    """Read the labelled micrographs of a pair of files.

    Args:
        pair: The files.
        pixel_size_nm: Side of a pixel [nm], in place of what the file says.
        resample: Resample images whose pixels are not square, and their masks with them.

    Raises:
        ReadError: A file cannot be read.
        DatasetError: The sizes or the numbers of frames differ, or nothing is labelled, or everything.
    """
    is_stack = count_frames(pair.image) > 1
    has_particles = has_background = False
    masks: Iterator[np.ndarray] | None = None
    for number, micrograph in enumerate(read_frames(pair.image, pixel_size_nm=pixel_size_nm, resample=resample)):
        drawn_on = micrograph.recorded_shape or micrograph.pixels.shape
        masks = masks or read_label_frames(pair.label, drawn_on, image=pair.image)
        mask = next(masks, None)
        if mask is None:
            raise DatasetError(
                f"{pair.label}: holds {number} masks, {pair.image.name} more images; save a mask for every image."
            )
        if micrograph.recorded_shape:
            mask = resample_mask(mask, micrograph.pixels.shape)
        has_particles |= bool(mask.any())
        has_background |= not mask.all()
        name = f"{pair.name}#{number}" if is_stack else pair.name
        yield LabelledMicrograph(name, number if is_stack else None, micrograph, mask)
    if masks is not None and next(masks, None) is not None:
        raise DatasetError(
            f"{pair.label}: holds more masks than {pair.image.name} images ({number + 1}); save one for every image."
        )
    if not has_particles:
        raise DatasetError(
            f"{pair.label}: marks no particle, every pixel is zero; label {pair.image.name}, or leave both files out."
        )
    if not has_background:
        raise DatasetError(
            f"{pair.label}: marks every pixel as particle, none as background; label {pair.image.name}, or leave both "
            "files out."
        )


def marking_notes(particle_px: float, all_px: int) -> tuple[str, ...]:
    """What should be known of how much all labels together mark."""
    if particle_px <= _USUAL_MOST * all_px:
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
