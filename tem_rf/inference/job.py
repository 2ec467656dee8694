"""Segment files and folders of files, with labels and tracking if requested."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from tem_rf.config.reading import ReadingSettings
from tem_rf.config.segmentation import Pictures, SegmentSettings, TrackSettings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.pairing import micrographs_at, pair_labels
from tem_rf.errors import DatasetError, ModelError, NameTooLongError, ReadError, SettingsError, TemRfError
from tem_rf.inference.file import FileSegmentation
from tem_rf.inference.lattices import add_lattices, check_lattice
from tem_rf.inference.model_choice import Networks
from tem_rf.inference.other_formats import check_formats, write_other_formats
from tem_rf.inference.overlap import MAX_AHEAD, MAX_PX_AHEAD, overlapping
from tem_rf.inference.results import SegmentedFile
from tem_rf.inference.tracks import TrackedFile, check_movie, track_file
from tem_rf.lattice.structure import read_structure
from tem_rf.particles.formats.choice import ParticleFormat
from tem_rf.particles.tracking import import_trackpy


@dataclass(frozen=True)
class SegmentJob:
    """Settings that apply to every file.

    Attributes:
        output: Folder for the results.
        settings: Segmentation of each frame.
        tracking: Tracking of particles in movies; None for no tracking.
        overwrite: Segment again even if the output of the same networks and settings exists.
        lattice: Material, or path of a CIF file, whose lattice is measured in each particle; None: no lattice.
        formats: Formats in which the particles are written for other programs, too.
        growing: Whether stacks may still grow, so that their frames are kept to resume from.
        pictures: Pictures to draw of each file.
    """

    output: Path
    settings: SegmentSettings
    tracking: TrackSettings | None = None
    overwrite: bool = False
    lattice: str | None = None
    formats: tuple[ParticleFormat, ...] = ()
    growing: bool = False
    pictures: Pictures = "small"


@dataclass(frozen=True)
class LabelledFile:
    """A micrograph, stack or movie, and its label, if any."""

    path: Path
    label: Path | None = None


Segmented = tuple[SegmentedFile, TrackedFile | None]


def segment_files(
    files: Sequence[LabelledFile],
    networks: Networks,
    job: SegmentJob,
    *,
    on_step: Callable[[str], None] = lambda what: None,
    on_note: Callable[[str], None] = lambda note: None,
    on_failure: Callable[[Path, TemRfError], None] | None = None,
    on_new_frame: Callable[[str, Micrograph], None] = lambda name, micrograph: None,
) -> list[Segmented]:
    """Segment files one after the other; while the network runs, the files before and after it are worked on, too.

    Args:
        files: Files found by `files_to_segment`.
        networks: Networks that segment them.
        job: Settings of the segmentation.
        on_step: Called with the next step.
        on_note: Called with notes for the user.
        on_failure: Called with a file that cannot be segmented, and the error; the other files are still segmented.
            If None, the first failure is raised.
        on_new_frame: Called with name and pixels of each frame before it passes the network; not with frames that
            were segmented before.

    Returns:
        The result for each file, with its tracks.

    Raises:
        ReadError: A file cannot be read.
        SettingsError: Settings do not fit a file.
        ModelError: No model has a matching pixel size, or one cannot be read.
        StorageError: The disk is full or the folder is not writable.
    """
    results: list[Segmented] = []
    waiting: deque[_Started] = deque()

    def fail(path: Path, error: TemRfError) -> None:
        if on_failure is None or not is_about_one_file(error, are_named=networks.are_named):
            raise error
        on_failure(path, error)

    def finish(most: int = 0, most_px: int = 0) -> None:
        """Finish the first files, until no more files with no more pixels are waiting."""
        while len(waiting) > most or sum(one.segmentation.frame_px for one in waiting) > most_px:
            started = waiting.popleft()
            for note in started.notes:
                on_note(note)
            try:
                results.append(_finish(started, job, on_step, on_note))
            except TemRfError as error:
                fail(started.file.path, error)

    with overlapping() as (workers, turn):
        for number, file in enumerate(files, start=1):
            title = f"segmenting {file.path.name} ({number} of {len(files)})"
            notes: list[str] = []  # until those of the files before it are printed
            try:
                segmentation = _open(file, networks, job, title, on_step, notes.append if waiting else on_note)
                if segmentation.count > 1:
                    finish()  # as its results are wanted before those of a whole movie
                    for note in notes:
                        on_note(note)
                    notes.clear()
                future = segmentation.start(
                    workers,
                    turn,
                    on_frame=_on_frame(title, on_step),
                    on_wait=_on_wait(file.path, job, on_note),
                    on_new_frame=_on_new_frame(file.path, segmentation.count, on_new_frame),
                )
            except TemRfError as error:
                finish()
                for note in notes:
                    on_note(note)
                fail(file.path, error)
            else:
                waiting.append(_Started(file, segmentation, future, notes))
                finish(MAX_AHEAD, MAX_PX_AHEAD)
        finish()
    return results


@dataclass(frozen=True)
class _Started:
    """A file whose frames have been read, and what is to be printed about it."""

    file: LabelledFile
    segmentation: FileSegmentation
    future: Future[SegmentedFile]
    notes: list[str]


def is_about_one_file(error: TemRfError, *, are_named: bool) -> bool:
    """Whether other files may still succeed: not if the disk is full, nor if the networks given by the user fail."""
    return isinstance(error, (ReadError, DatasetError, SettingsError, NameTooLongError)) or (
        isinstance(error, ModelError) and not are_named
    )


def _open(
    file: LabelledFile,
    networks: Networks,
    job: SegmentJob,
    title: str,
    on_step: Callable[[str], None],
    on_note: Callable[[str], None],
) -> FileSegmentation:
    segmenters = networks.segmenters(
        file.path,
        pixel_size_nm=job.settings.pixel_size_nm,
        array=job.settings.array,
        on_step=on_step,
        on_note=on_note,
    )
    on_step(title)
    if job.lattice is not None:
        check_lattice(file.path, job.lattice, job.settings)
    return FileSegmentation(
        segmenters,
        file.path,
        job.output,
        job.settings,
        label=file.label,
        overwrite=job.overwrite,
        growing=job.growing,
        pictures=job.pictures,
    )


def _on_frame(title: str, on_step: Callable[[str], None]) -> Callable[[int, int], None]:
    def on_frame(done: int, count: int) -> None:
        if count > 1:
            on_step(f"{title}: {done} of {count} frames")

    return on_frame


def _on_new_frame(
    path: Path, count: int, on_new_frame: Callable[[str, Micrograph], None]
) -> Callable[[int, Micrograph], None]:
    return lambda number, micrograph: on_new_frame(
        path.name if count == 1 else f"{path.name}, frame {number}", micrograph
    )


def _on_wait(path: Path, job: SegmentJob, on_note: Callable[[str], None]) -> Callable[[], None]:
    return lambda: on_note(f"{job.output}: another process is writing the results of {path.stem}; waiting for it")


def _finish(
    started: _Started, job: SegmentJob, on_step: Callable[[str], None], on_note: Callable[[str], None]
) -> Segmented:
    """Wait for the results of a file, and make of them what else is wanted."""
    segmented, name = started.future.result(), started.file.path.name
    if job.lattice is not None:
        segmented = add_lattices(
            segmented,
            job.output,
            job.lattice,
            job.settings,
            overwrite=job.overwrite,
            on_frame=lambda done, count: on_step(f"measuring the lattice in {name}: {done} of {count} frames"),
        )
    tracked = track_file(segmented, job.output, job.tracking, job.settings) if job.tracking else None
    for note in (*segmented.notes, *(tracked.notes if tracked else ())):
        on_note(note)
    return write_other_formats(segmented, job.output, job.formats, job.settings), tracked


def files_to_segment(images: Sequence[Path], job: SegmentJob, labels: Path | None = None) -> list[LabelledFile]:
    """Return the files in folders, with their labels; validate them before the first is segmented.

    Args:
        images: Micrographs, stacks, movies, or folders of them.
        job: Settings of the segmentation.
        labels: Folder of labels, or a COCO file.

    Raises:
        ReadError: A folder contains no micrographs, a movie cannot be read, or no labels match.
        SettingsError: Two files have the same name, a file is not a movie that can be tracked, there is no such
            material as the lattice, or a format does not take stacks.
    """
    paths = list(_files(images))
    _refuse_equal_stems(paths)
    truths = _labels(paths, labels, job.settings)
    if job.lattice is not None:
        read_structure(job.lattice)
    for path in paths:
        check_formats(path, job.formats, job.settings)
    if job.tracking:
        import_trackpy()
        for path in paths:
            check_movie(path, job.tracking, job.settings.pixel_size_nm, job.settings)
    return [LabelledFile(path, truths.get(path)) for path in paths]


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield from micrographs_at(path)


def _refuse_equal_stems(paths: Sequence[Path]) -> None:
    """Results are named after the stem of their file, by which labels and other programs find them again."""
    seen: dict[str, Path] = {}
    clashes = [(path, other) for path in paths if (other := seen.setdefault(path.stem, path)) is not path]
    if clashes:
        path, other = clashes[0]
        more = f" ({len(clashes) - 1} more like this)" if len(clashes) > 1 else ""
        only = f"give files of one kind, such as {path.parent / f'*{path.suffix}'}"
        if path.suffix == other.suffix:  # of two folders
            only = "give one folder at a time, each with another `output`"
        raise SettingsError(
            f"{path}: has the same name as {other}, so their results would overwrite each other{more}; rename one "
            f"of them, or {only}."
        )


def _labels(paths: Sequence[Path], labels: Path | None, reading: ReadingSettings) -> dict[Path, Path]:
    """Labels by micrograph; at least one must have its label."""
    if labels is None:
        return {}
    pairs = {
        pair.image.resolve(): pair.label
        for folder in {path.parent for path in paths}
        for pair in pair_labels(folder, labels, reading).pairs
    }
    found = {path: pairs[path.resolve()] for path in paths if path.resolve() in pairs}
    if not found:
        raise ReadError(
            f"{labels}: contains no label for any of the micrographs; expected a file with the same stem as "
            f"{paths[0].name}."
        )
    return found
