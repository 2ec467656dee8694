"""What became of a segmented file: masks, pictures and tables, written from the journal of its frames."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_rf.data.growing_stack import GrowingStack
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.preprocess import rescale
from tem_rf.data.tiff import write_tiff
from tem_rf.evaluation.pictures import write_overlay
from tem_rf.files import replacing_file
from tem_rf.inference.journal import FrameJournal
from tem_rf.inference.particle_picture import write_size_histogram
from tem_rf.inference.particle_scores import ParticleScores, add_scores
from tem_rf.inference.particle_sizes import SizeSummary, summarize_sizes
from tem_rf.inference.particle_table import write_particles


@dataclass(frozen=True)
class SegmentedFile:
    """What became of a file.

    Attributes:
        image: The file.
        files: What was written, by kind: mask, overlay, particles, histogram, probability, disagreement.
        frames: Number of its frames.
        particle_fraction: Of the pixels of all frames.
        pixel_size_nm: Side of a pixel of the mask [nm].
        sizes: Of the particles of all frames.
        scores: Against the label, where there is one.
        hard_dice: Mean over the frames, where there is a label.
        notes: What the user should know.
    """

    image: Path
    files: dict[str, Path]
    frames: int
    particle_fraction: float
    pixel_size_nm: float | None
    sizes: SizeSummary
    scores: ParticleScores | None
    hard_dice: float | None
    notes: tuple[str, ...]


def write_results(
    journal: FrameJournal, path: Path, output: Path, first: Micrograph, kinds: Iterable[str]
) -> SegmentedFile:
    """Write all that is made of a file, each part whole or not at all.

    Args:
        journal: Of all its frames.
        path: The file.
        output: Folder for the results, whose names begin with the stem of the file.
        first: Its first frame, for the overlay.
        kinds: Kinds of images to write as TIFF.

    Raises:
        StorageError: The disk is full or the place cannot be written to.
    """
    records = journal.records
    pixel_size_nm = records[0].pixel_size_nm
    particles = [particle for record in records for particle in record.particles]
    files = {kind: output / f"{path.stem}_{kind}.tif" for kind in kinds}
    for kind, file in files.items():
        _write_images(file, journal.images(kind), len(records), pixel_size_nm)
    files["overlay"] = output / f"{path.stem}_overlay.png"
    mask = next(journal.images("mask")) > 0
    write_overlay(files["overlay"], counts_on_mask(first, mask, pixel_size_nm), mask, pixel_size_nm=pixel_size_nm)
    files["particles"] = output / f"{path.stem}_particles.csv"
    frames = ((number, record.particles) for number, record in enumerate(records, start=1))
    write_particles(files["particles"], frames, pixel_size_nm=pixel_size_nm)
    files["histogram"] = output / f"{path.stem}_sizes.png"
    write_size_histogram(files["histogram"], particles, title=path.name, pixel_size_nm=pixel_size_nm)
    scores = [record.scores for record in records if record.scores is not None]
    dice = [record.hard_dice for record in records if record.hard_dice is not None]
    return SegmentedFile(
        image=path,
        files=files,
        frames=len(records),
        particle_fraction=float(np.mean([np.count_nonzero(mask) / mask.size for mask in journal.images("mask")])),
        pixel_size_nm=pixel_size_nm,
        sizes=summarize_sizes(particles),
        scores=add_scores(scores) if scores else None,
        hard_dice=float(np.mean(dice)) if dice else None,
        notes=tuple(dict.fromkeys(note for record in records for note in record.notes)),
    )


def counts_on_mask(micrograph: Micrograph, mask: np.ndarray, pixel_size_nm: float | None) -> np.ndarray:
    """The counts of a micrograph at the pixel size of its mask, where the network wanted another one than it has."""
    if mask.shape == micrograph.pixels.shape or pixel_size_nm is None:
        return micrograph.pixels
    return rescale(micrograph.pixels.astype(np.float32), micrograph.pixel_size_nm, pixel_size_nm)


def _write_images(file: Path, images: Iterator[np.ndarray], count: int, pixel_size_nm: float | None) -> None:
    if count == 1:
        write_tiff(file, next(images), pixel_size_nm=pixel_size_nm)
        return
    with replacing_file(file) as beside, GrowingStack(beside) as stack:
        for image in images:
            stack.append(image, pixel_size_nm)
