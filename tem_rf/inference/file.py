"""Segment every frame of a file and write masks, particles and pictures to a folder."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.segmentation import SegmentSettings
from tem_rf.data.label_formats.label import Label
from tem_rf.data.labels import read_label_frames
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.pixels import resample_mask
from tem_rf.data.readers import read_frames
from tem_rf.data.scratch import bands, scratch_array
from tem_rf.data.sources import count_frames
from tem_rf.errors import DatasetError, ReadError, StorageError, TemRfError
from tem_rf.files import sole_writer
from tem_rf.inference.frame_store import FrameRecord, FrameStore
from tem_rf.inference.model import Segmenter
from tem_rf.inference.predict import Segmentation, segment_by_ensemble
from tem_rf.inference.results import SegmentedFile, counts_on_mask, recall_finished, remember_finished, write_results
from tem_rf.metrics.dice import hard_dice, particle_mask
from tem_rf.particles.mask import disc_area_px, measure_mask, resolve_min_diameter_px
from tem_rf.particles.scores import ParticleScores, score_particles
from tem_rf.particles.split import number_particles, renumber

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
    on_frame: Callable[[int, int], None] = lambda done, count: None,
    on_wait: Callable[[], None] = lambda: None,
) -> SegmentedFile:
    """Segment a micrograph, stack or movie frame by frame, with only one frame in memory.

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
        on_frame: Called with the numbers of frames done and in total.
        on_wait: Called if another process is segmenting the file.

    Raises:
        ReadError: The file cannot be read, or one of its frames cannot be segmented.
        DatasetError: The label does not match.
        StorageError: The disk is full; no half-written result is left under a final name.
        SettingsError: As for `segment_by_ensemble`.
        ModelError: As for `segment_by_ensemble`.
    """
    # The identity comes before the count, so that a file that grows between them is not taken for up to date.
    job, finished_file = _job(segmenters, path, settings, label), output / f"{path.stem}_segmented.json"
    count = count_frames(path, settings)
    if count == 0:
        raise ReadError(f"{path}: is an empty stack; expected at least one frame.")
    if not overwrite and (finished := _finished(finished_file, job, path, growing)):
        return finished
    frames = read_frames(path, pixel_size_nm=settings.pixel_size_nm, resample=settings.resample, reading=settings)
    first = next(frames)
    _min_diameter_px(settings, first.pixel_size_nm)  # validate before computing
    pairs = zip(islice(chain([first], frames), count), _truths(label, first, count, settings), strict=label is not None)
    kinds = _kinds(settings, averaged=len(segmenters) * settings.transforms)
    with sole_writer(output / f".{path.stem}.lock", on_wait) as has_waited:
        if has_waited and not overwrite and (finished := _finished(finished_file, job, path, growing)):
            return finished
        # The same frames may be in a file of another size and time; their digests tell.
        frames_job = {**job, "image": str(path.resolve()), "growing": True} if growing else job
        store = FrameStore(_unfinished(path, output), frames_job, {kind: _IMAGES[kind] for kind in kinds})
        try:
            if len(store.records) > count:
                store.truncate(count)
            on_frame(len(store.records), count)
            for number, (micrograph, truth) in enumerate(pairs):
                source = _digest(micrograph) if growing else None
                if number < len(store.records):
                    if store.records[number].source == source:
                        continue
                    store.truncate(number)
                segmentation = segment_by_ensemble(
                    segmenters, micrograph, transforms=settings.transforms, scratch=output
                )
                mask = _mask(segmentation, output)
                instances = scratch_array(mask.shape, np.uint32, output)
                record = _record(segmentation, mask, instances, micrograph, truth, settings)
                images = {**vars(segmentation), "mask": mask, "instances": instances}
                store.append(replace(record, source=source), images)
                on_frame(len(store.records), count)
            if len(store.records) < count:
                raise ReadError(f"{path}: has lost frames while it was read; expected {count}.")
            finished_file.unlink(missing_ok=True)  # from here on the files no longer belong to an earlier job
            result = write_results(store, path, output, first, kinds)
            remember_finished(finished_file, job, result)
        except TemRfError as error:
            done = len(store.records)
            if done == 0 or (isinstance(error, (ReadError, DatasetError)) and not growing):
                store.remove()
            if count == 1 or isinstance(error, StorageError):
                raise
            raise type(error)(f"{error} (frame {done + 1} of {count})") from error
        if not growing or count == 1:
            store.remove()
        return result


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


def _finished(file: Path, job: dict[str, Any], path: Path, growing: bool) -> SegmentedFile | None:
    """Return the result of an earlier segmentation of a file, with a note about it; None if there is none."""
    finished = recall_finished(file, job)
    if finished is None or growing:  # files that are followed are expected to have results
        return finished
    note = f"{path.name}: was segmented before by the same model and settings; add `overwrite` to segment it again"
    return replace(finished, notes=(*finished.notes, note))


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


def _mask(result: Segmentation, scratch: Path) -> np.ndarray:
    """(h, w) uint8, 255 on particles."""
    mask = scratch_array(result.probability.shape, np.uint8, scratch)
    for band in bands(len(mask)):
        mask[band] = particle_mask(result.probability[band]) * np.uint8(255)
    return mask


def _record(
    result: Segmentation,
    mask: np.ndarray,
    instances: np.ndarray,
    micrograph: Micrograph,
    label: Label | None,
    settings: SegmentSettings,
) -> FrameRecord:
    """Measure and score a frame, and fill its (h, w) uint32 instances."""
    min_px = _min_diameter_px(settings, result.pixel_size_nm)
    measured = measure_mask(
        mask,
        counts_on_mask(micrograph, mask, result.pixel_size_nm),
        min_area_px=disc_area_px(min_px),
        split_touching=settings.split_touching,
        instances=instances,
    )
    truth, sure, probability = None, instances, result.probability
    if label is not None:
        truth = resample_mask(label.mask, mask.shape)
    if label is not None and label.unsure is not None:
        passed_over = resample_mask(label.unsure, mask.shape)
        sure, probability = np.where(passed_over, 0, instances), np.where(passed_over, 0, probability)
    scores, score_notes = (None, ()) if label is None else _scores(sure, label, disc_area_px(min_px))
    return FrameRecord(
        shape=mask.shape,
        pixel_size_nm=result.pixel_size_nm,
        particles=measured.particles,
        left_out=measured.left_out,
        min_diameter_px=min_px,
        scores=scores,
        hard_dice=None if truth is None else float(hard_dice(probability[np.newaxis], truth[np.newaxis])[0]),
        verdict=result.verdict,
        notes=(*result.notes, *(f"label: {note}" for note in (label.notes if label else ())), *score_notes),
    )


def _min_diameter_px(settings: SegmentSettings, pixel_size_nm: float | None) -> float:
    return resolve_min_diameter_px(pixel_size_nm, given_px=settings.min_diameter_px, given_nm=settings.min_diameter_nm)


def _scores(instances: np.ndarray, label: Label, min_area_px: float) -> tuple[ParticleScores, tuple[str, ...]]:
    """Score particles against labelled ones, with notes; particles below the minimum diameter are ignored in both."""
    numbers = renumber(instances, min_area_px)
    if label.instances is not None:
        return score_particles(numbers, renumber(resample_mask(label.instances, instances.shape), min_area_px)), ()
    truth = resample_mask(label.mask, instances.shape)
    regions, labelled = (
        number_particles(truth, split_touching=split, min_area_px=min_area_px) for split in (False, True)
    )
    note = "label: does not number its particles, so regions with necks were split for the scores"
    return score_particles(numbers, labelled), (note,) if regions.max() != labelled.max() else ()
