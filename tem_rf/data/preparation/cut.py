"""Cut labelled micrographs into the patches of a dataset."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_rf.config.preparation import PreparationSettings
from tem_rf.data.manifest import Source
from tem_rf.data.pairing import Pair
from tem_rf.data.pixels import resample_mask
from tem_rf.data.preparation.near_duplicates import Fingerprint, take_fingerprint
from tem_rf.data.preparation.patches import count_left_out, cut_patches
from tem_rf.data.prepared import PARTICLE, UNSURE
from tem_rf.data.preprocess import preprocess, rescale
from tem_rf.data.simulation.folder import read_simulation_settings
from tem_rf.data.sources import LabelledMicrograph, read_labelled, sha256
from tem_rf.errors import TemRfError
from tem_rf.files import readable


@dataclass(frozen=True)
class Piece:
    """A kept patch.

    Attributes:
        y_px: First row, in the micrograph [px].
        x_px: First column, in the micrograph [px].
        image: (patch, patch) float32.
        label: (patch, patch) uint8, as in `labels.tif`.
        instances: (patch, patch) uint16, number of the particle of each pixel, counted in the patch; 0 everywhere if
            the label does not tell touching particles apart.
        particle_px: Number of particle pixels.
        unsure_px: Number of pixels labelled as not sure.
    """

    y_px: int
    x_px: int
    image: np.ndarray
    label: np.ndarray
    instances: np.ndarray
    particle_px: int
    unsure_px: int


@dataclass(frozen=True)
class Cut:
    """A micrograph cut into patches.

    Attributes:
        source: Description of the micrograph, except the splits.
        pixel_size_nm: Pixel size of the patches [nm]; None: not known.
        fingerprint: Identifies its area.
        has_instances: Whether its label tells touching particles apart.
        pieces: The kept patches, row by row.
    """

    source: Source
    pixel_size_nm: float | None
    fingerprint: Fingerprint
    has_instances: bool
    pieces: list[Piece]


def cut_files(pair: Pair, settings: PreparationSettings) -> Iterator[Cut]:
    """Preprocess and cut the labelled micrographs of a pair of files; errors name the micrograph.

    Raises:
        ReadError: A file cannot be read.
        DatasetError: A micrograph and its label do not fit, or it cannot be cut.
        SettingsError: A setting is not suitable for a micrograph.
    """
    digests = sha256(pair.image), sha256(pair.label)
    for labelled in read_labelled(pair, settings.pixel_size_nm, resample=settings.resample, reading=settings):
        try:
            cut = _cut(labelled, pair, digests, settings)
        except TemRfError as error:
            raise type(error)(f"{labelled.name}: {error}") from error
        yield cut


def _cut(labelled: LabelledMicrograph, pair: Pair, digests: tuple[str, str], settings: PreparationSettings) -> Cut:
    micrograph, size = labelled.micrograph, settings.patch_size
    prepared = preprocess(micrograph.pixels, settings, pixel_size_nm=micrograph.pixel_size_nm)
    mask = labelled.mask
    if settings.target_pixel_size_nm is not None:
        mask = rescale(mask.astype(np.float32), micrograph.pixel_size_nm, settings.target_pixel_size_nm) >= 0.5
    unsure = _unsure(labelled, settings, mask)
    labels = mask.astype(np.uint8)
    labels[unsure] = UNSURE
    image_patches, label_patches = cut_patches(prepared.image, size), cut_patches(labels, size)
    instance_patches = cut_patches(_instances(labelled, mask & ~unsure), size)
    particle_px, unsure_px = (np.count_nonzero(label_patches == value, axis=(2, 3)) for value in (PARTICLE, UNSURE))
    is_empty = (unsure_px < size**2) if settings.empty_is_background and not mask.any() else False
    kept = np.argwhere((particle_px > settings.background_threshold) | is_empty)
    notes = (*micrograph.notes, *labelled.label_notes)
    sure_px = mask.size - int(unsure.sum())
    if unsure.any():
        share = f"{1 - sure_px / mask.size:.1%}"
        notes += (f"{share} of the pixels are labelled as not sure; training and scores ignore them",)
    height, width = prepared.image.shape
    source = Source(
        name=labelled.name,
        file=readable(pair.image.resolve()),
        frame=labelled.frame,
        sha256=digests[0],
        label_file=readable(pair.label.resolve()),
        label_sha256=digests[1],
        height=height,
        width=width,
        particle_fraction=np.count_nonzero(labels == PARTICLE) / max(1, sure_px),
        unsure_fraction=1 - sure_px / mask.size,
        splits=(),
        patches=len(kept),
        dropped_patches=particle_px.size - len(kept),
        left_out_px=count_left_out((height, width), size),
        xray_threshold=prepared.xray_threshold,
        outliers_replaced=prepared.outliers_replaced,
        offset=prepared.offset,
        scale=prepared.scale,
        mean=prepared.mean,
        sd=prepared.sd,
        robust=prepared.robust,
        counts_per_electron=_gain(pair.image, micrograph.pixel_size_nm, prepared.pixel_size_nm),
        notes=notes,
    )
    pieces = [
        Piece(
            int(row) * size,
            int(column) * size,
            image_patches[row, column],
            label_patches[row, column],
            _counted(instance_patches[row, column]),
            int(particle_px[row, column]),
            int(unsure_px[row, column]),
        )
        for row, column in kept
    ]
    fingerprint = take_fingerprint(prepared.image, mask)
    return Cut(source, prepared.pixel_size_nm, fingerprint, labelled.instances is not None, pieces)


def _instances(labelled: LabelledMicrograph, mask: np.ndarray) -> np.ndarray:
    """(height, width) int32, number of the particle of each pixel of the mask; 0 if the label does not have them."""
    if labelled.instances is None:
        return np.zeros(mask.shape, np.int32)
    return np.where(mask, resample_mask(labelled.instances, mask.shape), 0)


def _counted(numbers: np.ndarray) -> np.ndarray:
    """Number the particles of a patch from 1."""
    found, places = np.unique(numbers, return_inverse=True)
    return np.cumsum(found > 0).astype(np.uint16)[places].reshape(numbers.shape)


def _unsure(labelled: LabelledMicrograph, settings: PreparationSettings, mask: np.ndarray) -> np.ndarray:
    """Pixels with an uncertain label, (height, width) bool; where rescaling blends it with a particle, too."""
    unsure = labelled.unsure
    if unsure is None:
        return np.zeros(mask.shape, bool)
    if settings.target_pixel_size_nm is not None:
        own = labelled.micrograph.pixel_size_nm
        unsure = rescale(unsure.astype(np.float32), own, settings.target_pixel_size_nm) > 0
    return unsure


def _gain(image: Path, recorded_nm: float | None, prepared_nm: float | None) -> float | None:
    """Effective counts per electron, known for simulated micrographs.

    A quantum efficiency below 1 has the same noise as fewer electrons. A pixel of twice the side collects four times as
    many electrons.
    """
    simulated = read_simulation_settings(image.parent.parent)
    if simulated is None:
        return None
    enlarged = 1.0 if recorded_nm is None or prepared_nm is None else prepared_nm / recorded_nm
    return simulated.counts_per_electron / simulated.quantum_efficiency / enlarged**2
