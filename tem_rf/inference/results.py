"""Write the results of a segmented file from its frame store: masks, plots and tables."""

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from tem_rf.config.segmentation import Pictures
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.preparation.growing_stack import GrowingStack
from tem_rf.data.preprocess import rescale
from tem_rf.data.readers import read_frames
from tem_rf.data.scratch import bands, scratch_array
from tem_rf.data.tiff import MAX_UINT16, write_tiff, write_uint32_stack
from tem_rf.errors import ReadError
from tem_rf.files import parse_json, readable, replacing_file, write_json
from tem_rf.inference.frame_store import FrameRecord, FrameStore, HeldFrame
from tem_rf.lattice.summary import LatticeSummary
from tem_rf.particles.measure import Particle
from tem_rf.particles.scores import ParticleScores, add_scores
from tem_rf.particles.sizes import SizeSummary, summarize_sizes
from tem_rf.particles.table import read_particles, write_particles
from tem_rf.plots.particle_sizes import write_size_histogram
from tem_rf.plots.segmentation import write_overlay
from tem_rf.trust.advice import explain, summarize
from tem_rf.trust.record import DiceMap
from tem_rf.trust.verdict import Verdict

_WRITERS = 2
_PICTURES: tuple[Pictures, ...] = ("none", "small", "full")
_MAX_OVERLAY_PX: dict[Pictures, int] = {"small": 1024, "full": 4096}


@dataclass(frozen=True)
class SegmentedFile:
    """Result of segmenting a file.

    Attributes:
        image: The file.
        files: Files written, by kind: mask, instances, overlay, particles, histogram, probability, disagreement.
        frames: Number of frames.
        particle_fraction: Fraction of particle pixels over all frames.
        pixel_size_nm: Pixel size of the mask [nm].
        sizes: Size summary of the particles of all frames.
        left_out: Number of particles below the minimum diameter.
        min_diameter_px: Minimum diameter in the first frame, as that of a disc of the same area [px].
        scores: Scores against the label, if there is one.
        hard_dice: Mean over the frames, if there is a label.
        notes: Notes for the user.
        lattices: Summary of the lattices of the particles, if they were measured.
        verdicts: Whether to trust the mask of each frame; empty if the model has no record of that.
        pictures: Pictures that were drawn.
        low_confidence: Number of particles below the minimum confidence, which are left out.
        maps: Where the model may be used; empty if it has no record of that.
    """

    image: Path
    files: dict[str, Path]
    frames: int
    particle_fraction: float
    pixel_size_nm: float | None
    sizes: SizeSummary
    left_out: int
    min_diameter_px: float
    scores: ParticleScores | None
    hard_dice: float | None
    notes: tuple[str, ...]
    lattices: LatticeSummary | None = None
    verdicts: tuple[Verdict, ...] = ()
    pictures: Pictures = "full"  # earlier results do not tell
    low_confidence: int = 0
    maps: tuple[DiceMap, ...] = ()

    @property
    def flagged(self) -> int:
        """Number of frames whose mask cannot be trusted."""
        return sum(not one.is_trusted for one in self.verdicts)

    @property
    def worst(self) -> Verdict | None:
        """The verdict on the frame from which the lowest dice is expected, of those flagged, if any are."""
        return min(self.verdicts, key=lambda one: (one.is_trusted, one.expected_dice), default=None)


def write_results(
    store: FrameStore | HeldFrame,
    path: Path,
    output: Path,
    first: Micrograph,
    kinds: Iterable[str],
    pictures: Pictures,
) -> SegmentedFile:
    """Write all results of a file, each file completely or not at all.

    Args:
        store: Frame store with all of its frames.
        path: The file.
        output: Folder for the results; their names begin with the stem of the file.
        first: Its first frame, for the overlay.
        kinds: Kinds of images to write as TIFF.
        pictures: Pictures to draw.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    records = store.records
    pixel_size_nm = records[0].pixel_size_nm
    particles = [particle for record in records for particle in record.particles]
    files = {kind: output / f"{path.stem}_{kind}.tif" for kind in kinds}

    def write(kind: str) -> None:
        images = _numbered(store, output) if kind == "instances" else store.images(kind)
        write_images(files[kind], images, len(records), pixel_size_nm)

    with ThreadPoolExecutor(_WRITERS if len(records) > 1 else 1) as writers:  # a stack takes long to reach the disk
        list(writers.map(write, list(files)))
    mask = next(store.images("mask"))
    files |= _draw(path, output, pictures, first, mask, particles, pixel_size_nm)
    files["particles"] = output / f"{path.stem}_particles.csv"
    frames = ((number, record.particles) for number, record in enumerate(records, start=1))
    write_particles(files["particles"], frames, pixel_size_nm=pixel_size_nm)
    scores = [record.scores for record in records if record.scores is not None]
    dice = [record.hard_dice for record in records if record.hard_dice is not None]
    return SegmentedFile(
        image=path,
        files=files,
        frames=len(records),
        particle_fraction=float(np.mean([np.count_nonzero(mask) / mask.size for mask in store.images("mask")])),
        pixel_size_nm=pixel_size_nm,
        sizes=summarize_sizes(particles),
        left_out=sum(record.left_out for record in records),
        low_confidence=sum(record.low_confidence for record in records),
        min_diameter_px=records[0].min_diameter_px,
        scores=add_scores(scores) if scores else None,
        hard_dice=float(np.mean(dice)) if dice else None,
        notes=tuple(dict.fromkeys([*(note for record in records for note in record.notes), *_distrust(path, records)])),
        verdicts=tuple(record.verdict for record in records if record.verdict is not None),
        pictures=pictures,
    )


def _distrust(path: Path, records: Sequence[FrameRecord]) -> Iterator[str]:
    """Yield a note on the frames whose masks cannot be trusted, with the reason for the worst of them."""
    flagged = [
        (verdict, number)
        for number, record in enumerate(records, start=1)
        if (verdict := record.verdict) is not None and not verdict.is_trusted
    ]
    if not flagged:
        return
    worst, number = min(flagged, key=lambda one: one[0].expected_dice)
    if len(records) == 1:
        masks = "do not trust this mask"
    else:
        masks = f"do not trust the masks of {len(flagged)} of {len(records)} frames; frame {number}"
    yield f"{path.name}: {masks}: expected dice {summarize(worst)}; {explain(worst)}"


def shows(drawn: Pictures, wanted: Pictures) -> bool:
    """Whether pictures that were drawn show all that is wanted.

    >>> shows("full", "small"), shows("none", "small")
    (True, False)
    """
    return _PICTURES.index(drawn) >= _PICTURES.index(wanted)


def draw_again(segmented: SegmentedFile, output: Path, first: Micrograph, pictures: Pictures) -> SegmentedFile:
    """Draw other pictures of a segmented file.

    Args:
        segmented: The segmentation; its mask and table must exist.
        output: Folder of its results.
        first: Its first frame.
        pictures: Pictures to draw.

    Raises:
        ReadError: A file of the segmentation was changed by another program and cannot be read.
        StorageError: The disk is full or the folder is not writable.
    """
    mask = next(read_frames(segmented.files["mask"], resample=True)).pixels
    particles = [one for frame in read_particles(segmented.files["particles"]) for one in frame]
    files = _draw(segmented.image, output, pictures, first, mask, particles, segmented.pixel_size_nm)
    return replace(segmented, files=segmented.files | files, pictures=pictures)


def _draw(
    path: Path,
    output: Path,
    pictures: Pictures,
    first: Micrograph,
    mask: np.ndarray,
    particles: Sequence[Particle],
    pixel_size_nm: float | None,
) -> dict[str, Path]:
    """Draw the pictures of a file; without pictures, remove those of an earlier segmentation."""
    files = {"overlay": output / f"{path.stem}_overlay.png", "histogram": output / f"{path.stem}_sizes.png"}
    if pictures == "none":
        for file in files.values():
            file.unlink(missing_ok=True)
        return {}
    write_overlay_of(files["overlay"], first, mask, pixel_size_nm, max_px=_MAX_OVERLAY_PX[pictures])
    write_size_histogram(files["histogram"], particles, title=readable(path.name), pixel_size_nm=pixel_size_nm)
    return files


def counts_on_mask(micrograph: Micrograph, mask: np.ndarray, pixel_size_nm: float | None) -> np.ndarray:
    """Return the counts of a micrograph at the pixel size of its mask, rescaled if it was segmented at another one."""
    if mask.shape == micrograph.pixels.shape or pixel_size_nm is None:
        return micrograph.pixels
    return rescale(micrograph.pixels.astype(np.float32), micrograph.pixel_size_nm, pixel_size_nm)


def write_overlay_of(
    file: Path,
    first: Micrograph,
    mask: np.ndarray,
    pixel_size_nm: float | None,
    numbered: Sequence[Particle] = (),
    max_px: int = _MAX_OVERLAY_PX["full"],
) -> None:
    """Draw the outline of a mask over its micrograph; larger images are binned first.

    Args:
        file: PNG file to write.
        first: The micrograph.
        mask: (h, w) uint8, 255 on particles.
        pixel_size_nm: Pixel size of the mask [nm].
        numbered: Particles whose numbers are written at their centres.
        max_px: Maximum side of the picture [px]; by default, larger than any screen.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    factor = -(-max(mask.shape) // max_px)
    counts = counts_on_mask(first, mask, pixel_size_nm)
    if factor > 1:
        counts, mask, pixel_size_nm = (
            _means(counts, factor),
            _means(mask, factor),
            pixel_size_nm and factor * pixel_size_nm,
        )
    numbers = [(str(one.number), one.y_px / factor, one.x_px / factor) for one in numbered]
    write_overlay(file, counts, mask > 127, pixel_size_nm=pixel_size_nm, texts=numbers)


def _means(image: np.ndarray, factor: int) -> np.ndarray:
    """(h / factor, w / factor) float32, means over squares; incomplete squares at the edges are dropped."""
    height, width = (length // factor for length in image.shape)
    means = np.empty((height, width), np.float32)
    for band in bands(height):
        rows = image[band.start * factor : band.stop * factor, : width * factor].reshape(-1, factor, width * factor)
        sums = rows.sum(axis=1, dtype=np.float32)  # ten times faster than the mean over two axes
        means[band] = sum(sums[:, first::factor] for first in range(factor)) / np.float32(factor**2)
    return means


def _numbered(store: FrameStore | HeldFrame, scratch: Path) -> Iterator[np.ndarray]:
    """Yield the instances as uint16, or as uint32 if a frame has too many particles for it."""
    if max(len(record.particles) for record in store.records) > MAX_UINT16:
        yield from (image.astype(np.uint32, copy=False) for image in store.images("instances"))
        return
    for image in store.images("instances"):
        if image.dtype == np.uint16:
            yield image
            continue
        narrow = scratch_array(image.shape, np.uint16, scratch)
        for band in bands(len(image)):
            narrow[band] = image[band]
        yield narrow


def write_images(file: Path, images: Iterator[np.ndarray], count: int, pixel_size_nm: float | None) -> None:
    """Write the images of a file as a TIFF image or stack, completely or not at all.

    Args:
        file: File to write.
        images: (height, width) each, of one size and type: uint8, uint16, uint32 or float32.
        count: Number of images.
        pixel_size_nm: Pixel size [nm]; None: no scale is written.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    first = next(images)
    images = chain([first], images)
    if first.dtype == np.uint32:
        write_uint32_stack(file, images, (count, *first.shape), pixel_size_nm=pixel_size_nm)
        return
    if count == 1:
        write_tiff(file, next(images), pixel_size_nm=pixel_size_nm)
        return
    with replacing_file(file) as beside, GrowingStack(beside) as stack:
        for image in images:
            stack.append(image, pixel_size_nm)


_RESULT = TypeAdapter(SegmentedFile)


def remember_finished(path: Path, job: dict[str, Any], result: SegmentedFile) -> None:
    """Write the result of a file.

    Args:
        path: JSON file to write.
        job: Everything that determined the result.
        result: The result.
    """
    write_json(path, {"job": job, "result": _RESULT.dump_python(result, mode="json")})


def read_finished(path: Path) -> SegmentedFile:
    """Read a result that `remember_finished` wrote, whatever made it.

    Raises:
        ReadError: The file is missing or damaged.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        return _RESULT.validate_python(content["result"])
    except (OSError, ValueError, TypeError, KeyError, ValidationError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ReadError(f"{path}: is not a result of segment ({reason}); segment the file again.") from error


def recall_finished(path: Path, job: dict[str, Any]) -> SegmentedFile | None:
    """Read what `remember_finished` wrote; None if the job differs or a file of the result is missing."""
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        if content["job"] != json.loads(json.dumps(job)):
            return None
        result = _RESULT.validate_python(content["result"])
    except (OSError, ValueError, TypeError, KeyError, ValidationError):
        return None
    return result if all(file.exists() for file in result.files.values()) else None
