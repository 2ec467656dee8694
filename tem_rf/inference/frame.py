"""Measure and score one segmented frame."""

from pathlib import Path

import numpy as np

from tem_rf.config.segmentation import SegmentSettings
from tem_rf.data.label_formats.label import Label
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.pixels import resample_mask
from tem_rf.data.scratch import bands, scratch_array
from tem_rf.data.tiff import MAX_UINT16
from tem_rf.inference.frame_store import FrameRecord
from tem_rf.inference.predict import Segmentation
from tem_rf.inference.results import counts_on_mask
from tem_rf.metrics.dice import hard_dice, particle_mask
from tem_rf.particles.mask import disc_area_px, measure_mask, resolve_min_diameter_px
from tem_rf.particles.scores import ParticleScores, score_particles
from tem_rf.particles.split import number_particles, renumber


def measure_frame(
    segmentation: Segmentation, micrograph: Micrograph, label: Label | None, settings: SegmentSettings, *, scratch: Path
) -> tuple[FrameRecord, dict[str, np.ndarray]]:
    """Measure the particles of a frame.

    Args:
        segmentation: Its segmentation.
        micrograph: The frame as recorded.
        label: Label to score against, or None.
        settings: Segmentation settings.
        scratch: Folder for images too large for memory, see `scratch_array`.

    Returns:
        Its record, and its images by kind: those of the segmentation, `mask` (h, w) uint8, 255 on particles, and
        `instances` (h, w) uint16 or uint32.

    Raises:
        StorageError: The disk of `scratch` is full.
    """
    mask = _mask(segmentation, scratch)
    min_px = find_min_diameter_px(settings, segmentation.pixel_size_nm)
    instances = scratch_array(mask.shape, _type_of_numbers(mask, disc_area_px(min_px)), scratch)
    record = _record(segmentation, mask, instances, micrograph, label, settings, min_px)
    return record, {**vars(segmentation), "mask": mask, "instances": instances}


def _type_of_numbers(mask: np.ndarray, min_area_px: float) -> type[np.unsignedinteger]:
    """A type that holds the numbers of all particles that a mask (h, w) can have, holes included."""
    return np.uint16 if 2 * np.count_nonzero(mask) <= MAX_UINT16 * max(min_area_px, 1.0) else np.uint32


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
    min_px: float,
) -> FrameRecord:
    """Measure and score a frame, and fill its (h, w) uint16 or uint32 instances."""
    measured = measure_mask(
        mask,
        counts_on_mask(micrograph, mask, result.pixel_size_nm),
        min_area_px=disc_area_px(min_px),
        split_touching=settings.split_touching,
        distance=result.distance,
        instances=instances,
        probability=result.probability,
        min_confidence=settings.min_confidence,
        sd=result.sd_counts,
    )
    scores, score_notes, dice = None, tuple[str, ...](), None
    if label is not None:
        truth, sure, found = resample_mask(label.mask, mask.shape), instances, mask > 0
        if label.unsure is not None:
            passed_over = resample_mask(label.unsure, mask.shape)
            sure, found = np.where(passed_over, 0, instances), found & ~passed_over
        scores, score_notes = _scores(sure, label, disc_area_px(min_px))
        dice = float(hard_dice(found[np.newaxis], truth[np.newaxis])[0])
    return FrameRecord(
        shape=mask.shape,
        pixel_size_nm=result.pixel_size_nm,
        particles=measured.particles,
        left_out=measured.left_out,
        low_confidence=measured.low_confidence,
        min_diameter_px=min_px,
        scores=scores,
        hard_dice=dice,
        verdict=result.verdict,
        notes=(*result.notes, *(f"label: {note}" for note in (label.notes if label else ())), *score_notes),
    )


def find_min_diameter_px(settings: SegmentSettings, pixel_size_nm: float | None) -> float:
    """Minimum diameter of a particle that the settings give at a pixel size [px].

    Raises:
        SettingsError: As for `resolve_min_diameter_px`.
    """
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
