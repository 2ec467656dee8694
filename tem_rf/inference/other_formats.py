"""Write the particles of a segmented file for other programs, from its instances and its table."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.segmentation import SegmentSettings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.pixels import resample_mask
from tem_rf.data.readers import read_frames
from tem_rf.data.sources import count_frames
from tem_rf.errors import SettingsError
from tem_rf.files import readable
from tem_rf.inference.results import SegmentedFile, write_overlay_of
from tem_rf.lattice.table import read_lattice_values
from tem_rf.particles.formats.choice import ParticleFormat
from tem_rf.particles.formats.coco import write_coco
from tem_rf.particles.formats.geojson import write_geojson
from tem_rf.particles.formats.labelme import write_labelme
from tem_rf.particles.formats.rois import write_rois
from tem_rf.particles.formats.tables import MeasuredImage, write_excel, write_parquet
from tem_rf.particles.sizes import summary_rows
from tem_rf.particles.table import read_particles


def check_formats(path: Path, formats: Sequence[ParticleFormat], settings: SegmentSettings) -> None:
    """Check that the particles of a file can be written in these formats, before it is segmented.

    Raises:
        SettingsError: A format cannot hold the frames of a stack.
        ReadError: The file cannot be read.
    """
    for one in formats:
        if not one.takes_stacks and (count := count_frames(path, settings)) > 1:
            raise SettingsError(
                f"{path}: has {count} frames, but {one.name} holds single images; leave {one.name} out of `write`."
            )


def write_other_formats(
    segmented: SegmentedFile, output: Path, formats: Sequence[ParticleFormat], settings: SegmentSettings
) -> SegmentedFile:
    """Write the particles of a segmented file, each file completely or not at all.

    Outlines are on the pixels of the micrograph as it is in its file, also if it was rescaled for the network.

    Args:
        segmented: The segmentation; its mask, instances and table must exist.
        output: Folder for the files; their names begin with the stem of the file.
        formats: The formats.
        settings: Settings of the segmentation, for the workbook.

    Returns:
        The segmentation with these files.

    Raises:
        StorageError: The disk is full, the folder is not writable, or a format cannot hold so many particles.
        ReadError: A file of the segmentation was changed by another program and cannot be read.
    """
    path = segmented.image
    files = {one.name: output / f"{path.stem}{one.ending}" for one in formats}
    on_micrograph = partial(_on_micrograph, segmented, settings)
    is_stack = segmented.frames > 1
    for name, file in files.items():
        match name:
            case "numbered":
                _write_numbered(file, segmented, settings)
            case "rois":
                write_rois(file, on_micrograph(), is_stack=is_stack)
            case "geojson":
                write_geojson(file, on_micrograph(), is_stack=is_stack, confidence=_confidence(segmented))
            case "coco":
                write_coco(file, on_micrograph(), readable(path.name))
            case "labelme":
                relative = readable(os.path.relpath(path, output))
                write_labelme(file, next(on_micrograph()), relative)
            case "excel":
                image = _measured(segmented)
                write_excel(file, [image], summary_rows(segmented.sizes, segmented.pixel_size_nm), _shown(settings))
            case "parquet":
                write_parquet(file, [_measured(segmented)])
    return replace(segmented, files=segmented.files | files)


def _instances(segmented: SegmentedFile) -> Iterator[np.ndarray]:
    return (frame.pixels for frame in read_frames(segmented.files["instances"], resample=True))


def _on_micrograph(segmented: SegmentedFile, settings: SegmentSettings) -> Iterator[np.ndarray]:
    """Yield the instances on the pixels of the micrograph, whose pixel size may differ from that of the mask."""
    first = _first(segmented, settings)
    shape = first.recorded_shape or first.pixels.shape
    for instances in _instances(segmented):
        yield instances if instances.shape == shape else resample_mask(instances, shape)


def _first(segmented: SegmentedFile, settings: SegmentSettings) -> Micrograph:
    return next(
        read_frames(segmented.image, pixel_size_nm=settings.pixel_size_nm, resample=settings.resample, reading=settings)
    )


def _confidence(segmented: SegmentedFile) -> dict[tuple[int, int], float]:
    frames = read_particles(segmented.files["particles"], segmented.frames)
    return {
        (frame, one.number): one.confidence
        for frame, particles in enumerate(frames, start=1)
        for one in particles
        if one.confidence is not None
    }


def _measured(segmented: SegmentedFile) -> MeasuredImage:
    return MeasuredImage(
        name=segmented.image.name,
        frames=read_particles(segmented.files["particles"], segmented.frames),
        pixel_size_nm=segmented.pixel_size_nm,
        shape=next(_instances(segmented)).shape,
        left_out=segmented.left_out,
        more=read_lattice_values(segmented.files["particles"]),
    )


def _write_numbered(file: Path, segmented: SegmentedFile, settings: SegmentSettings) -> None:
    first = _first(segmented, settings)
    mask = next(read_frames(segmented.files["mask"], resample=True)).pixels
    particles = read_particles(segmented.files["particles"], segmented.frames)[0]
    write_overlay_of(file, first, mask, segmented.pixel_size_nm, particles)


def _shown(settings: SegmentSettings) -> dict[str, Any]:
    return {name: value for name, value in settings.model_dump().items() if value is not None}
