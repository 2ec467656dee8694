"""Segment every frame of a file and write masks, particles and pictures to a folder."""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.segmentation import Pictures, SegmentSettings
from tem_rf.data.label_formats.label import Label
from tem_rf.data.labels import read_label_frames
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.readers import read_frames
from tem_rf.data.sources import count_frames
from tem_rf.errors import DatasetError, ReadError, StorageError, TemRfError
from tem_rf.files import sole_writer, storage_errors
from tem_rf.inference.frame import find_min_diameter_px, measure_frame
from tem_rf.inference.frame_store import FrameStore, HeldFrame
from tem_rf.inference.model import Segmenter
from tem_rf.inference.overlap import MeasuredFrame, MeasuredFrames, NetworkTurn, frames_ahead, overlapping
from tem_rf.inference.predict import segment_by_ensemble
from tem_rf.inference.results import (
    SegmentedFile,
    draw_again,
    recall_finished,
    remember_finished,
    shows,
    write_results,
)
from tem_rf.trust.record import DiceMap

_IMAGES: dict[str, np.dtype] = {
    "mask": np.dtype(np.uint8),
    "instances": np.dtype(np.uint32),
    "probability": np.dtype(np.float32),
    "disagreement": np.dtype(np.float32),
}


def segment_file(
    segmenters: Sequence[Segmenter],
    path: Path,
    output: Path,
    settings: SegmentSettings,
    *,
    label: Path | None = None,
    overwrite: bool = False,
    growing: bool = False,
    pictures: Pictures = "small",
    on_frame: Callable[[int, int], None] = lambda done, count: None,
    on_wait: Callable[[], None] = lambda: None,
) -> SegmentedFile:
    """Segment a micrograph, stack or movie frame by frame, with only a few frames in memory.

    Finished frames are kept beside the results until all are done. Called again with the same arguments after a kill,
    the function resumes at the next frame; if all frames are done, it returns the result at once. If another process
    is segmenting a file of this name into the same folder, it waits.

    Args:
        segmenters: One network, or several that are averaged.
        path: File to read.
        output: Folder for the results; their names begin with the stem of the file.
        settings: Segmentation settings.
        label: Label to score against, with the same number of frames.
        overwrite: Segment again even if finished.
        growing: The file may still grow. Finished frames of a stack are kept beside its results, so that the next call
            resumes at the first frame that is new or differs, until `forget_frames`.
        pictures: Pictures to draw of the results.
        on_frame: Called with the numbers of frames done and in total.
        on_wait: Called if another process is segmenting the file.

    Raises:
        ReadError: The file cannot be read, or one of its frames cannot be segmented.
        DatasetError: The label does not match.
        StorageError: The disk is full; no half-written result is left under a final name.
        SettingsError: As for `segment_by_ensemble`.
        ModelError: As for `segment_by_ensemble`.
    """
    file = FileSegmentation(
        segmenters, path, output, settings, label=label, overwrite=overwrite, growing=growing, pictures=pictures
    )
    with overlapping() as (workers, turn):
        return file.start(workers, turn, on_frame=on_frame, on_wait=on_wait).result()


class FileSegmentation:
    """The segmentation of a file in two parts, so that it overlaps with that of the next file.

    The caller's thread reads, one frame after the other. Workers do the rest, and take turns in the network. Frames are
    stored in order, and the results are the same as without workers.

    Args:
        segmenters: As for `segment_file`, as all others.
        path: The file; it is opened at once.
        output: Folder for the results.
        settings: Segmentation settings.
        label: Label to score against.
        overwrite: Segment again even if finished.
        growing: The file may still grow.
        pictures: Pictures to draw of the results.

    Raises:
        ReadError: The file cannot be read.
        SettingsError: The minimum diameter is given in nm, and the pixel size is not known.
    """

    def __init__(
        self,
        segmenters: Sequence[Segmenter],
        path: Path,
        output: Path,
        settings: SegmentSettings,
        *,
        label: Path | None,
        overwrite: bool,
        growing: bool,
        pictures: Pictures,
    ) -> None:
        self._segmenters, self._path, self._output, self._settings = segmenters, path, output, settings
        self._overwrite, self._growing, self._pictures = overwrite, growing, pictures
        # The identity comes before the count, so that a file that grows between them is not taken for up to date.
        self._job, self._finished_file = _job(segmenters, path, settings, label), output / f"{path.stem}_segmented.json"
        self.count = count_frames(path, settings)
        self.frame_px = 0
        if self.count == 0:
            raise ReadError(f"{path}: is an empty stack; expected at least one frame.")
        self._finished = self._recall()
        if self._finished is not None and shows(self._finished.pictures, pictures):
            return
        frames = read_frames(path, pixel_size_nm=settings.pixel_size_nm, resample=settings.resample, reading=settings)
        self._first = next(frames)
        self.frame_px = self._first.pixels.size
        find_min_diameter_px(settings, self._first.pixel_size_nm)  # validate before computing
        truths = _truths(label, self._first, self.count, settings)
        self._pairs: Iterable[tuple[Micrograph, Label | None]] = zip(
            islice(chain([self._first], frames), self.count), truths, strict=label is not None
        )
        self._kinds = _kinds(settings, averaged=len(segmenters) * settings.transforms)

    def start(
        self,
        workers: Executor,
        turn: NetworkTurn,
        *,
        on_frame: Callable[[int, int], None] = lambda done, count: None,
        on_wait: Callable[[], None] = lambda: None,
        on_new_frame: Callable[[int, Micrograph], None] = lambda number, micrograph: None,
    ) -> Future[SegmentedFile]:
        """Read all frames, and leave the rest to workers; of a file with several, wait until all are segmented.

        Args:
            workers: Threads. Nothing that they do reads a file of the user.
            turn: Lets one of them into the network at a time.
            on_frame: As for `segment_file`; called by a worker for a single frame.
            on_wait: As for `segment_file`.
            on_new_frame: Called with number, from 1, and pixels of each frame before it passes the network; not with
                frames that were segmented before.

        Returns:
            The result, once its files are written; its errors are those of `segment_file`.

        Raises:
            TemRfError: As for `segment_file`.
        """
        if self.frame_px == 0 and self._finished is not None:
            return self._done(self._finished)
        with ExitStack() as held:
            has_waited = held.enter_context(sole_writer(self._output / f".{self._path.stem}.lock", on_wait))
            finished = self._recall() if has_waited else self._finished
            if finished is not None:
                return self._done(self._with_pictures(finished))
            store = self._store()
            if isinstance(store, HeldFrame):
                self._pairs = list(self._pairs)
                on_new_frame(1, self._first)
                run = partial(self._segment, store, None, turn, on_frame)
                return workers.submit(self._finish, held.pop_all(), store, run)
            with self._errors_of_frames(store):
                self._segment(store, workers, turn, on_frame, on_new_frame)
            return workers.submit(self._finish, held.pop_all(), store)

    def _segment(
        self,
        store: FrameStore | HeldFrame,
        workers: Executor | None,
        turn: NetworkTurn,
        on_frame: Callable[[int, int], None],
        on_new_frame: Callable[[int, Micrograph], None] = lambda number, micrograph: None,
    ) -> None:
        """Segment and measure all frames that are not in the store; without workers, in this thread."""
        measured = MeasuredFrames(store, workers, turn, lambda done: on_frame(done, self.count))
        if len(store.records) > self.count:
            store.truncate(self.count)
        on_frame(len(store.records), self.count)
        try:
            for number, (micrograph, truth) in enumerate(self._pairs):
                source = _digest(micrograph) if self._growing else None
                if number < len(store.records):
                    if store.records[number].source == source:
                        continue
                    store.truncate(number)
                on_new_frame(number + 1, micrograph)
                ahead = frames_ahead(micrograph.pixels.size)
                measured.submit(ahead, self._measure, turn, micrograph, truth, source)
            measured.store_all()
        except Exception:
            measured.store_all()  # frames before the one that cannot be read
            raise
        except BaseException:
            if workers is not None:
                turn.stop()
            measured.store_until_stopped()
            raise

    def _measure(
        self, ticket: int, turn: NetworkTurn, micrograph: Micrograph, truth: Label | None, source: str | None
    ) -> MeasuredFrame:
        """Segment a frame and measure its particles."""
        with turn.of(ticket, self._segmenters) as segmenters:
            segmentation = segment_by_ensemble(
                segmenters,
                micrograph,
                transforms=self._settings.transforms,
                scratch=self._output,
                with_distance=self._settings.split_touching,
            )
        record, images = measure_frame(segmentation, micrograph, truth, self._settings, scratch=self._output)
        return replace(record, source=source), images

    def _finish(
        self, held: ExitStack, store: FrameStore | HeldFrame, run: Callable[[], None] = lambda: None
    ) -> SegmentedFile:
        with held:
            with self._errors_of_frames(store):
                run()
                if len(store.records) < self.count:
                    raise ReadError(f"{self._path}: has lost frames while it was read; expected {self.count}.")
                with storage_errors(self._finished_file):
                    self._finished_file.unlink(missing_ok=True)  # the files no longer belong to an earlier job
                result = write_results(store, self._path, self._output, self._first, self._kinds, self._pictures)
                result = replace(result, maps=_maps(self._segmenters))
                remember_finished(self._finished_file, self._job, result)
            if not self._growing or self.count == 1:
                store.remove()
        return result

    def _recall(self) -> SegmentedFile | None:
        """Return the result of an earlier segmentation; None if there is none, or if it is not wanted."""
        return None if self._overwrite else recall_finished(self._finished_file, self._job)

    def _done(self, finished: SegmentedFile) -> Future[SegmentedFile]:
        """Return the result of an earlier segmentation with a note about it."""
        future: Future[SegmentedFile] = Future()
        name = self._path.name
        note = f"{name}: was segmented before by the same model and settings; add `overwrite` to segment it again"
        # Files that are followed are expected to have results.
        future.set_result(finished if self._growing else replace(finished, notes=(*finished.notes, note)))
        return future

    def _with_pictures(self, finished: SegmentedFile) -> SegmentedFile:
        if shows(finished.pictures, self._pictures):
            return finished
        drawn = draw_again(finished, self._output, self._first, self._pictures)
        remember_finished(self._finished_file, self._job, drawn)
        return drawn

    def _store(self) -> FrameStore | HeldFrame:
        if self.count == 1 and frames_ahead(self.frame_px):
            forget_frames(self._path, self._output)  # of an earlier file of this name
            return HeldFrame(self._kinds)
        # The same frames may be in a file of another size and time; their digests tell.
        growing_job = {**self._job, "image": str(self._path.resolve()), "growing": True}
        job = growing_job if self._growing else self._job
        return FrameStore(_unfinished(self._path, self._output), job, {kind: _IMAGES[kind] for kind in self._kinds})

    @contextmanager
    def _errors_of_frames(self, store: FrameStore | HeldFrame) -> Iterator[None]:
        """Remove stored frames that no later call could use, and name the frame in the error."""
        try:
            yield
        except TemRfError as error:
            done = len(store.records)
            if done == 0 or (isinstance(error, (ReadError, DatasetError)) and not self._growing):
                store.remove()
            if self.count == 1 or isinstance(error, StorageError):
                raise
            raise type(error)(f"{error} (frame {done + 1} of {self.count})") from error


def forget_frames(path: Path, output: Path) -> None:
    """Delete the frames that `segment_file` kept of a growing stack; its results stay."""
    shutil.rmtree(_unfinished(path, output), ignore_errors=True)


def _unfinished(path: Path, output: Path) -> Path:
    return output / f".{path.stem}.unfinished"


def _digest(micrograph: Micrograph) -> str:
    """Digest of everything in a frame that determines its result."""
    pixels = np.ascontiguousarray(micrograph.pixels)
    form = f"{pixels.dtype.str} {pixels.shape} {micrograph.pixel_size_nm}"
    digest = hashlib.blake2b(form.encode(), digest_size=16)
    digest.update(pixels.data)
    return digest.hexdigest()


def _kinds(settings: SegmentSettings, averaged: int) -> list[str]:
    """Return the kinds of images to write; without averaging there is no disagreement."""
    kinds = ["mask", "instances"]
    if settings.probability:
        kinds += ["probability", "disagreement"] if averaged > 1 else ["probability"]
    return kinds


def _job(segmenters: Sequence[Segmenter], path: Path, settings: SegmentSettings, label: Path | None) -> dict[str, Any]:
    """Return everything that determines the results."""

    def identity(file: Path) -> list[Any]:
        if not file.exists():
            return [str(file)]  # the reader reports it
        status = file.stat()
        return [str(file.resolve()), status.st_size, status.st_mtime_ns]

    return {
        "image": identity(path),
        "label": label and identity(label),
        "models": [[one.sha256, one.preprocessing.model_dump(mode="json"), one.temperature] for one in segmenters],
        "settings": settings.model_dump(),
    }


def _truths(label: Path | None, first: Micrograph, count: int, settings: SegmentSettings) -> Iterator[Label | None]:
    if label is None:
        yield from [None] * count
        return
    found = 0
    shape = first.recorded_shape or first.pixels.shape
    for truth in read_label_frames(label, shape, image=first.path, frames=count, reading=settings):
        found += 1
        if found > count:
            raise DatasetError(f"{label}: labels more than the {count} frames of {first.path}; expected as many.")
        yield truth
    if found < count:
        raise DatasetError(f"{label}: labels {found} of the {count} frames of {first.path}; expected as many.")


def _maps(segmenters: Sequence[Segmenter]) -> tuple[DiceMap, ...]:
    """Where the first network with a record may be used."""
    return next((one.trust.maps for one in segmenters if one.trust is not None), ())
