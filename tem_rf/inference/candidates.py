"""Patches of micrographs that could be labelled, with what networks say of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_rf.config.reading import ReadingSettings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.preprocess import normalize_micrograph
from tem_rf.data.readers import read_frames
from tem_rf.inference.model import Segmenter
from tem_rf.inference.predict import segment_by_ensemble
from tem_rf.metrics.dice import particle_mask


@dataclass(frozen=True, eq=False)
class Candidate:
    """A patch of a micrograph.

    Attributes:
        file: File of the micrograph.
        frame: Number of its frame.
        y_px: First row in the micrograph [px].
        x_px: First column in the micrograph [px].
        pixels: (height, width) counts.
        pixel_size_nm: Pixel size [nm]; None: not known.
        normalized: (height, width) float32, in robust normalization of the whole micrograph.
        mask: (height, width) bool, the particles that the networks find.
        distance: (height, width) float32, the distance that the networks give; None: they give none.
        disagreement: Mean standard deviation of their probabilities, relative to the fraction of particles.
    """

    file: Path
    frame: int
    y_px: int
    x_px: int
    pixels: np.ndarray
    pixel_size_nm: float | None
    normalized: np.ndarray
    mask: np.ndarray
    distance: np.ndarray | None
    disagreement: float


def find_candidates(
    file: Path,
    segmenters: Sequence[Segmenter],
    *,
    patch_size: int,
    transforms: int,
    reading: ReadingSettings,
    pixel_size_nm: float | None = None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Iterator[Candidate]:
    """Segment a file and cut it into candidates; the last row and column overlap their neighbours.

    Args:
        file: File with one micrograph or several.
        segmenters: Networks; with `transforms` at least two views in all.
        patch_size: Side of a candidate [px]; smaller micrographs are one candidate.
        transforms: Rotated and mirrored views of each network.
        reading: Which array and channel to read.
        pixel_size_nm: Pixel size [nm], which overrides the one in the file.
        on_note: Called with notes for the user.

    Raises:
        ReadError: The file cannot be read.
        SettingsError: A network needs a pixel size that the micrograph lacks.
    """
    for frame, micrograph in enumerate(read_frames(file, pixel_size_nm=pixel_size_nm, reading=reading)):
        result = segment_by_ensemble(segmenters, micrograph, transforms=transforms, with_distance=True)
        for note in result.notes:
            on_note(note)
        assert result.disagreement is not None
        shape = micrograph.pixels.shape
        probability, spread = (_on_grid(values, shape) for values in (result.probability, result.disagreement))
        distance = None if result.distance is None else _on_grid(result.distance, shape)
        yield from _cut(file, frame, micrograph, particle_mask(probability), distance, spread, patch_size)


def _cut(
    file: Path,
    frame: int,
    micrograph: Micrograph,
    mask: np.ndarray,
    distance: np.ndarray | None,
    spread: np.ndarray,
    patch_size: int,
) -> Iterator[Candidate]:
    from tem_rf.config.preparation import PreprocessingSettings

    normalized = normalize_micrograph(micrograph.pixels, PreprocessingSettings(normalization="robust"))
    for row in _starts(mask.shape[0], patch_size):
        for column in _starts(mask.shape[1], patch_size):
            here = slice(row, row + patch_size), slice(column, column + patch_size)
            found = mask[here]
            # Networks differ along outlines, so a patch with more particles would win by that alone.
            disagreement = float(spread[here].mean() / (found.mean() + 0.05))
            yield Candidate(
                file=file,
                frame=frame,
                y_px=row,
                x_px=column,
                pixels=micrograph.pixels[here].copy(),
                pixel_size_nm=micrograph.pixel_size_nm,
                normalized=normalized[here].copy(),
                mask=found.copy(),
                distance=None if distance is None else distance[here].copy(),
                disagreement=disagreement,
            )


def _starts(length: int, patch_size: int) -> list[int]:
    """Starts of patches that cover a side; the last one ends where the side ends.

    >>> _starts(100, 40), _starts(30, 40)
    ([0, 40, 60], [0])
    """
    return sorted({*range(0, max(1, length - patch_size + 1), patch_size), max(0, length - patch_size)})


def _on_grid(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values of a rescaled micrograph at the pixels of the recorded one, the nearest each."""
    if values.shape == shape:
        return values
    rows, columns = (np.arange(there) * here // there for here, there in zip(values.shape, shape, strict=True))
    return values[np.ix_(rows, columns)]
