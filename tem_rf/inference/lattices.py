"""Measure the lattices of the particles of a segmented file: columns, tables, maps, and a check of the pixel size."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.segmentation import SegmentSettings
from tem_rf.data.formats.recording import Wanted
from tem_rf.data.readers import open_recording, read_frames
from tem_rf.errors import SettingsError
from tem_rf.files import readable
from tem_rf.inference.results import SegmentedFile, recall_finished, remember_finished, write_images
from tem_rf.lattice.measure import MeasuredLattices, ParticleLattice, check_pixel_size, measure_lattices
from tem_rf.lattice.structure import Structure, read_structure
from tem_rf.lattice.summary import LatticeSummary, summarize_lattices
from tem_rf.lattice.table import add_to_particles, write_fringes
from tem_rf.particles.table import read_particles
from tem_rf.plots.lattice import write_lattice_plot


def check_lattice(path: Path, lattice: str, settings: SegmentSettings) -> None:
    """Check that a file can show the lattice, before it is segmented.

    Args:
        path: The file.
        lattice: Material, or path of a CIF file.
        settings: Segmentation settings.

    Raises:
        SettingsError: There is no such material, or the pixel size is not known or too coarse.
        ReadError: The file or the CIF file cannot be read.
    """
    with open_recording(path, Wanted(settings.array)) as recording:
        sides = recording.pixel_sides_nm
    structure = read_structure(lattice)
    try:
        check_pixel_size(structure, settings.pixel_size_nm or (sides and sides[1]))
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def add_lattices(
    segmented: SegmentedFile,
    output: Path,
    lattice: str,
    settings: SegmentSettings,
    *,
    overwrite: bool = False,
    on_frame: Callable[[int, int], None] = lambda done, count: None,
) -> SegmentedFile:
    """Measure the lattices of the particles of a segmented file at the pixel size of the micrograph.

    Args:
        segmented: The segmentation.
        output: Folder for the results; their names begin with the stem of the file.
        lattice: Material, or path of a CIF file.
        settings: Segmentation settings, by which the file is read.
        overwrite: Measure again even if the results are up to date.
        on_frame: Called with the numbers of frames done and in total.

    Returns:
        The segmentation with the files `fringes`, `orientation` and `lattice`, and with a summary of the lattices. The
        table of particles has gained columns.

    Raises:
        SettingsError: There is no such material, or the pixel size is not known or too coarse.
        ReadError: The micrograph, its results or the CIF file cannot be read.
        StorageError: The disk is full or the folder is not writable.
    """
    stem, structure = segmented.image.stem, read_structure(lattice)
    finished, job = output / f"{stem}_lattice.json", _job(segmented, lattice, settings)
    earlier = None if overwrite else recall_finished(finished, job)
    if earlier is not None and earlier.lattices is not None:
        return _with_lattices(segmented, earlier.files, earlier.lattices)
    finished.unlink(missing_ok=True)
    files = {
        "fringes": output / f"{stem}_fringes.csv",
        "orientation": output / f"{stem}_orientation.tif",
        "lattice": output / f"{stem}_lattice.png",
    }
    frames: list[tuple[int, tuple[ParticleLattice, ...]]] = []
    measured = _measured(segmented, structure, settings)
    first, pixel_size_nm, shown = next(measured)

    def orientations() -> Iterator[np.ndarray]:
        for _, _, found in chain([(first, pixel_size_nm, shown)], measured):
            frames.append((len(frames) + 1, found.particles))
            on_frame(len(frames), segmented.frames)
            yield found.orientation

    write_images(files["orientation"], orientations(), segmented.frames, pixel_size_nm)
    particles = [one for _, own in frames for one in own]
    summary = summarize_lattices(structure.crystal.material, [own for _, own in frames])
    write_fringes(files["fringes"], frames)
    add_to_particles(segmented.files["particles"], frames)
    in_first = read_particles(segmented.files["particles"], segmented.frames)[0]
    scale = 1.0 if segmented.pixel_size_nm is None else segmented.pixel_size_nm / pixel_size_nm
    write_lattice_plot(
        files["lattice"],
        first,
        shown.orientation,
        particles,
        summary,
        structure,
        title=readable(segmented.image.name),
        centres=[(one.x_px * scale, one.y_px * scale) for one in in_first],
        pixel_size_nm=pixel_size_nm,
    )
    result = _with_lattices(segmented, files, summary)
    remember_finished(finished, job, result)
    return result


def _with_lattices(segmented: SegmentedFile, files: dict[str, Path], summary: LatticeSummary) -> SegmentedFile:
    note = f"{segmented.image.name}: {summary.describe_calibration()}"
    return replace(segmented, files=segmented.files | files, lattices=summary, notes=(*segmented.notes, note))


def _measured(
    segmented: SegmentedFile, structure: Structure, settings: SegmentSettings
) -> Iterator[tuple[np.ndarray, float, MeasuredLattices]]:
    """Yield (h, w) counts, pixel size [nm] and lattices of each frame."""
    frames = read_frames(
        segmented.image, pixel_size_nm=settings.pixel_size_nm, resample=settings.resample, reading=settings
    )
    for micrograph, numbers in zip(frames, read_frames(segmented.files["instances"], resample=True), strict=True):
        counts, pixel_size_nm = micrograph.pixels, micrograph.pixel_size_nm
        # Particles were found at the pixel size of the network; fringes are finest in the micrograph itself.
        rows, columns = (
            np.arange(length) * found // length
            for length, found in zip(counts.shape, numbers.pixels.shape, strict=True)
        )
        on_counts = numbers.pixels[rows[:, None], columns].astype(np.int32)
        found = measure_lattices(on_counts, counts, structure, pixel_size_nm=pixel_size_nm)
        assert pixel_size_nm is not None  # `measure_lattices` has checked it
        yield counts, pixel_size_nm, found


def _job(segmented: SegmentedFile, lattice: str, settings: SegmentSettings) -> dict[str, Any]:
    """Everything that determines the results."""
    read = [
        segmented.image,
        segmented.files["instances"],
        *([Path(lattice)] if lattice.lower().endswith(".cif") else []),
    ]
    return {
        "files": [[str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in read],
        "lattice": lattice,
        "settings": settings.model_dump(),
    }
