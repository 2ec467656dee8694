"""Segment a micrograph of any size with one or several networks, in one or all eight orientations."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tem_rf.architecture.layers import CLASSES
from tem_rf.config.preparation import PIXEL_SIZE_TOLERANCE
from tem_rf.data.dihedral import dihedral, inverse_dihedral
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.preprocess import preprocess
from tem_rf.data.scratch import bands, scratch_array
from tem_rf.data.xray import MAX_OUTLIER_FRACTION
from tem_rf.errors import DatasetError, ReadError, SettingsError
from tem_rf.inference.model import Segmenter
from tem_rf.inference.tiles import apply_in_tiles, choose_tile_px, with_tiles_that_fit
from tem_rf.metrics.calibration import UNCALIBRATED
from tem_rf.metrics.dice import particle_mask
from tem_rf.models.probability import calibrate_probability, margin_probability, particle_margin
from tem_rf.trust.statistics import measure
from tem_rf.trust.verdict import Verdict, judge


@dataclass(frozen=True)
class Segmentation:
    """Segmentation of a micrograph.

    Attributes:
        probability: (height, width) float32, probability of the particle class; the mean if there are several. With
            the temperature of the networks, if they have one.
        pixel_size_nm: Pixel size [nm]; None if the micrograph has none.
        notes: Notes for the user.
        disagreement: (height, width) float32, standard deviation of the probabilities, without a temperature; None if
            there is only one.
        verdict: Whether to trust the mask; None if no network has a record. Of several networks, that of the one from
            which the lowest dice is expected.
        statistics: (n,) float64, what `tem_rf.trust` measures, of the first network, if they were asked for.
        distance: (height, width) float32, relative distance to the edge of the particle, by which touching particles
            are split; the mean if there are several. None if it was not asked for, or no network gives it.
        sd_counts: Standard deviation of the counts of the micrograph, if the preprocessing has measured it.
    """

    probability: np.ndarray
    pixel_size_nm: float | None
    notes: tuple[str, ...]
    disagreement: np.ndarray | None = None
    verdict: Verdict | None = None
    statistics: np.ndarray | None = None
    distance: np.ndarray | None = None
    sd_counts: float | None = None

    @property
    def mask(self) -> np.ndarray:
        """(height, width) bool."""
        return particle_mask(self.probability)


def segment_micrograph(segmenter: Segmenter, micrograph: Micrograph, *, tile_px: int | None = None) -> Segmentation:
    """Segment a micrograph; tiling has no effect on the result, because tiles include all pixels theirs depend on.

    Args:
        segmenter: The network.
        micrograph: Raw counts, preprocessed here like the training data.
        tile_px: Side of a tile without its context [px]; None for the size that fits into memory.

    Raises:
        ReadError: The micrograph is constant or contains NaN or infinite pixels.
        SettingsError: The network needs a given pixel size, but the micrograph has none.
        ModelError: Out of memory even with the smallest tiles.
    """
    return segment_by_ensemble([segmenter], micrograph, tile_px=tile_px)


def segment_by_ensemble(
    segmenters: Sequence[Segmenter],
    micrograph: Micrograph,
    *,
    transforms: int = 1,
    tile_px: int | None = None,
    scratch: Path | None = None,
    measures: bool = False,
    with_distance: bool = False,
) -> Segmentation:
    """Average the probabilities of several networks, each over rotations and reflections of a micrograph.

    The temperature is applied to the mean, so that it does not change the mask; that of several networks is the
    geometric mean of theirs.

    Args:
        segmenters: One or more networks.
        micrograph: Raw counts.
        transforms: Number of dihedral transforms to average over, 1 to 8.
        tile_px: As for `segment_micrograph`.
        scratch: Folder for images too large for memory, see `scratch_array`; None keeps them in memory.
        measures: Return the statistics even if no network has a record.
        with_distance: Keep the distance of the networks that give it.

    Raises:
        StorageError: The disk of `scratch` is full.
        ReadError: As for `segment_micrograph`.
        SettingsError: As for `segment_micrograph`; or the networks need different pixel sizes.
        ModelError: As for `segment_micrograph`.
    """
    targets = {segmenter.preprocessing.target_pixel_size_nm for segmenter in segmenters}
    if len(targets) > 1:
        raise SettingsError(f"models: expected one pixel size to rescale to, received {sorted(map(str, targets))}.")
    notes = [note for segmenter in segmenters for note in _notes(segmenter, micrograph)]
    sd_counts: list[float | None] = []
    measured: list[tuple[Segmenter, np.ndarray]] = []

    def on_view(segmenter: Segmenter, image: np.ndarray, probability: np.ndarray) -> None:
        if measures or segmenter.trust is not None:
            measured.append((segmenter, measure(image, probability)))

    distance = _Mean() if with_distance else None
    prepare = partial(_prepared, micrograph=micrograph, scratch=scratch, on_note=notes.append, on_sd=sd_counts.append)
    probabilities = _probabilities(segmenters, prepare, transforms, tile_px, scratch, on_view, distance)
    mean, spread = _mean_and_spread(probabilities, scratch)
    if spread is not None:
        _calibrate(mean, float(np.exp(np.mean([np.log(one.temperature) for one in segmenters]))))
    return Segmentation(
        probability=mean,
        pixel_size_nm=targets.pop() or micrograph.pixel_size_nm,
        notes=tuple(dict.fromkeys((*micrograph.notes, *notes))),
        disagreement=spread,
        verdict=_verdict(measured),
        statistics=measured[0][1] if measured else None,
        distance=None if distance is None else distance.value,
        sd_counts=sd_counts[0],
    )


def _calibrate(probability: np.ndarray, temperature: float) -> None:
    if temperature != UNCALIBRATED:
        for band in bands(len(probability)):
            probability[band] = calibrate_probability(probability[band], temperature)


def _probabilities(
    segmenters: Sequence[Segmenter],
    prepare: Callable[[Segmenter], np.ndarray],
    transforms: int,
    tile_px: int | None,
    scratch: Path | None,
    on_view: Callable[[Segmenter, np.ndarray, np.ndarray], None],
    distance: "_Mean | None",
) -> Iterator[np.ndarray]:
    """Yield the probability of each network and view; `on_view` gets the first view of each network.

    A single one has its temperature, but not for `on_view`. The distances of networks that give one are added to
    `distance`.
    """
    is_single = len(segmenters) * transforms == 1
    for segmenter in segmenters:
        image = prepare(segmenter)
        added = distance if segmenter.architecture.has_distance else None
        for transform in range(transforms):
            turned = _outputs(segmenter, dihedral(image, transform), tile_px, scratch, with_distance=added is not None)
            if added is not None:
                added.add(inverse_dihedral(turned[..., 1], transform))
                turned = turned[..., 0]
            margin = inverse_dihedral(turned, transform)
            temperature = segmenter.temperature if is_single else UNCALIBRATED
            target = margin if temperature == UNCALIBRATED else scratch_array(margin.shape, np.float32, scratch)
            for band in bands(len(margin)):
                target[band] = margin_probability(margin[band])
            if transform == 0:
                on_view(segmenter, image, target)
            if temperature != UNCALIBRATED:
                for band in bands(len(margin)):
                    target[band] = margin_probability(margin[band], temperature)
            yield target


def _verdict(measured: Sequence[tuple[Segmenter, np.ndarray]]) -> Verdict | None:
    verdicts = [judge(one.trust, statistics) for one, statistics in measured if one.trust is not None]
    return min(verdicts, key=lambda one: (one.is_trusted, one.expected_dice)) if verdicts else None


class _Mean:
    """The mean of images that are added one by one; it is kept in the first of them."""

    def __init__(self) -> None:
        self.value: np.ndarray | None = None
        self._count = 0

    def add(self, image: np.ndarray) -> None:
        """Add an image (h, w), which must not be changed afterwards."""
        self._count += 1
        if self.value is None:
            self.value = image
            return
        for band in bands(len(image)):
            self.value[band] += (image[band] - self.value[band]) / self._count


def _mean_and_spread(images: Iterator[np.ndarray], scratch: Path | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Mean and standard deviation of images by Welford's method, which keeps only two images in memory."""
    mean, squares = next(images), None
    count = 1
    for count, image in enumerate(images, start=2):
        if squares is None:
            squares = scratch_array(mean.shape, np.float32, scratch)
            squares[...] = 0
        for band in bands(len(mean)):
            change = image[band] - mean[band]
            mean[band] += change / count
            squares[band] += change * (image[band] - mean[band])
    if squares is not None:
        squares /= count
        np.sqrt(squares, out=squares)
    return mean, squares


def _prepared(
    segmenter: Segmenter,
    micrograph: Micrograph,
    scratch: Path | None,
    on_note: Callable[[str], None],
    on_sd: Callable[[float | None], None],
) -> np.ndarray:
    """(h, w) float32, normalized for a network; `on_sd` gets the standard deviation of the counts, if it is known."""
    where = micrograph.path or micrograph.name
    try:
        prepared = preprocess(
            micrograph.pixels,
            segmenter.preprocessing,
            pixel_size_nm=micrograph.pixel_size_nm,
            scratch=scratch,
            leaves_many_outliers=True,
            measures_robust=False,
        )
    except DatasetError as error:
        raise ReadError(f"{where}: {error}") from error
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error
    if prepared.has_too_many_outliers:
        on_note(
            f"{micrograph.name}: x-ray outliers were not removed: more than {MAX_OUTLIER_FRACTION:.1%} of the pixels "
            f"exceed the median by {prepared.xray_threshold:g} counts, the threshold of {segmenter.name}; this "
            "detector has another count scale"
        )
    on_sd(prepared.sd if prepared.has_all_counts else None)
    return prepared.image


def _outputs(
    segmenter: Segmenter, image: np.ndarray, tile_px: int | None, scratch: Path | None, *, with_distance: bool
) -> np.ndarray:
    """(h, w) margin of the particle class, or (h, w, 2) margin and distance."""
    architecture = segmenter.architecture
    reach_px = architecture.receptive_field.reach_px
    # An unbounded receptive field, as with instance normalization, needs the whole image at once.
    context_px = 0 if reach_px is None else reach_px
    tile_px = max(image.shape) if reach_px is None else tile_px or choose_tile_px(architecture)

    result = scratch_array((*image.shape, 2) if with_distance else image.shape, np.float32, scratch)

    def write(place: np.ndarray, logits: np.ndarray) -> None:
        particle_margin(logits, out=place[..., 0] if with_distance else place)
        if with_distance:
            place[..., 1] = logits[..., CLASSES]

    def compute(tile_px: int) -> np.ndarray:
        apply_in_tiles(
            lambda piece: segmenter.logits(piece[np.newaxis, ..., np.newaxis])[0],
            image,
            result,
            tile_px=tile_px,
            context_px=context_px,
            stride=architecture.stride,
            write=write,
        )
        return result

    return compute(tile_px) if reach_px is None else with_tiles_that_fit(compute, tile_px)


def _notes(segmenter: Segmenter, micrograph: Micrograph) -> list[str]:
    notes = []
    here, there = micrograph.pixel_size_nm, segmenter.pixel_size_nm
    is_rescaled = segmenter.preprocessing.target_pixel_size_nm is not None
    if here and there and not is_rescaled and max(here / there, there / here) > PIXEL_SIZE_TOLERANCE:
        notes.append(
            f"{micrograph.name}: has {here:g} nm/px, but {segmenter.name} was trained at {there:g} nm/px; "
            "expect poor masks, or add `rescale`"
        )
    height, width = micrograph.pixels.shape
    reach_px = segmenter.architecture.receptive_field.reach_px
    if reach_px is not None and min(height, width) <= reach_px:
        notes.append(
            f"{micrograph.name}: {width} x {height} px is smaller than the reach of {segmenter.name} ({reach_px} px); "
            "for every pixel, part of the receptive field is outside the image"
        )
    return notes
