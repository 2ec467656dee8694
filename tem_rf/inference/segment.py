"""Segment a micrograph of any size."""

from dataclasses import dataclass

import numpy as np

from tem_rf.data.micrograph import Micrograph
from tem_rf.data.preprocess import normalize_micrograph
from tem_rf.errors import DatasetError, ReadError
from tem_rf.evaluation.dice import particle_mask
from tem_rf.inference.segmenter import Segmenter
from tem_rf.inference.tiles import apply_in_tiles
from tem_rf.models.probability import particle_probability

TILE_PX = 1024  # about 0.6 GB of activations for a network of the study
# A network sees nanometres as pixels: beyond this ratio of pixel sizes it was not trained for what it sees.
PIXEL_SIZE_TOLERANCE = 1.25


@dataclass(frozen=True)
class Segmentation:
    """What a network makes of a micrograph.

    Attributes:
        probability: (height, width) float32, probability of the particle class.
        pixel_size_nm: Side of a pixel [nm]; None where the micrograph has none.
        notes: What the user should know.
    """

    probability: np.ndarray
    pixel_size_nm: float | None
    notes: tuple[str, ...]

    @property
    def mask(self) -> np.ndarray:
        """(height, width) bool."""
        return particle_mask(self.probability)


def segment_micrograph(segmenter: Segmenter, micrograph: Micrograph, *, tile_px: int = TILE_PX) -> Segmentation:
    """Segment a micrograph; tiles leave no trace, since each is read with everything its pixels depend on.

    Args:
        segmenter: The network.
        micrograph: Raw counts, treated here as the training data were.
        tile_px: Side of a tile without its context [px].

    Raises:
        ReadError: The micrograph is constant or holds NaN or infinite pixels.
        SettingsError: The network wants another pixel size and the micrograph has none.
    """
    architecture = segmenter.architecture
    try:
        image = normalize_micrograph(micrograph.pixels, segmenter.preprocessing, pixel_size_nm=micrograph.pixel_size_nm)
    except DatasetError as error:
        raise ReadError(f"{micrograph.path or micrograph.name}: {error}") from error
    reach_px = architecture.receptive_field.reach_px
    # A field without bounds, as instance normalization has, needs the whole image at once.
    tile_px, context_px = (max(image.shape), 0) if reach_px is None else (tile_px, reach_px)
    logits = apply_in_tiles(segmenter.logits, image, tile_px=tile_px, context_px=context_px, stride=architecture.stride)
    target_nm = segmenter.preprocessing.target_pixel_size_nm
    return Segmentation(
        particle_probability(logits), target_nm or micrograph.pixel_size_nm, tuple(_notes(segmenter, micrograph))
    )


def _notes(segmenter: Segmenter, micrograph: Micrograph) -> list[str]:
    notes = list(micrograph.notes)
    here, there = micrograph.pixel_size_nm, segmenter.pixel_size_nm
    is_rescaled = segmenter.preprocessing.target_pixel_size_nm is not None
    if here and there and not is_rescaled and max(here / there, there / here) > PIXEL_SIZE_TOLERANCE:
        notes.append(
            f"{micrograph.name}: has {here:g} nm/px, {segmenter.name} was trained at {there:g} nm/px; "
            "expect poor masks, or prepare and train with --target-pixel-size-nm"
        )
    return notes
