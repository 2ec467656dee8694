"""Score a run on its test images, and save the masks with the scores."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.baselines.methods import segment_without_network
from tem_rf.data.dihedral import dihedral, inverse_dihedral
from tem_rf.data.prepared import PreparedDataset, Split
from tem_rf.data.renormalized import in_normalization
from tem_rf.errors import ReadError
from tem_rf.evaluation.calibration import add_margins, batches, fit_on_validation, measure
from tem_rf.files import replacing_file
from tem_rf.metrics.calibration import MarginHistogram
from tem_rf.metrics.dice import particle_mask
from tem_rf.metrics.scores import ImageScores, score_image, write_scores
from tem_rf.models.probability import particle_probability, predicted_distance
from tem_rf.particles.mask import disc_area_px, resolve_min_diameter_px
from tem_rf.particles.scores import score_particles
from tem_rf.particles.split import number_particles, particles_of_output, renumber
from tem_rf.plots.reliability import write_reliability
from tem_rf.plots.segmentation import write_overlay
from tem_rf.runs.calibration import Calibration, write_calibration
from tem_rf.runs.dataset import open_training_data
from tem_rf.runs.folder import RunFolder


def write_masks(path: Path, masks: np.ndarray) -> None:
    """Write masks as a compressed TIFF stack, in the order of the test images.

    Args:
        path: File to write, atomically.
        masks: (n, h, w) bool.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    import tifffile

    with replacing_file(path) as beside:
        pages = masks.astype(np.uint8) * np.uint8(255)
        tifffile.imwrite(beside, pages, compression="zlib", photometric="minisblack")


def read_mask(path: Path, index: int) -> np.ndarray:
    """Read one of the masks.

    Args:
        path: File written by `write_masks`.
        index: Index of the mask, from 0.

    Returns:
        (h, w) bool.

    Raises:
        ReadError: The file is missing, damaged, or has fewer masks.
    """
    import tifffile

    try:
        return np.asarray(tifffile.imread(path, key=index)) > 0
    except FileNotFoundError as error:
        raise ReadError(f"{path}: is missing; evaluate the run again.") from error
    except (OSError, ValueError, IndexError, tifffile.TiffFileError) as error:
        raise ReadError(f"{path}: cannot be read ({error}); evaluate the run again.") from error


Progress = Callable[[int, int], None]


def evaluate_run(
    run: RunFolder,
    dataset: PreparedDataset,
    *,
    split: Split = "test",
    transforms: int = 1,
    pictures: Path | None = None,
    progress: Progress | None = None,
) -> list[ImageScores]:
    """Score a run on a split of its dataset.

    For the test split without transforms, write `scores.csv`, `masks.tif` and `calibration.json`.

    If a training replaces the network by a better one during scoring, the better one is scored again: the results in
    the run folder, and those returned, always belong to the network in the run folder.

    Args:
        run: A run with at least one completed epoch.
        dataset: The dataset of the run.
        split: The split to score.
        transforms: 1 scores each image once; 8 scores it in its eight dihedral transforms, as the study does, so the
            scored images are not independent.
        pictures: Folder for an overlay of each image; None: no overlays.
        progress: Called with the number of images done and the total.

    Raises:
        DatasetError: The split is empty.
        ModelError: The run has no network.
    """
    from tem_rf.runs.network import load_network

    dataset = dataset_of(run, dataset)
    is_kept = split == "test" and transforms == 1
    while True:
        network = run.network_sha256
        model = load_network(run)
        margins = MarginHistogram() if is_kept else None
        scores, masks = _segment_and_score(model, dataset, split, transforms, margins, pictures, progress)
        if margins is not None:
            write_masks(run.masks_file, np.stack(masks))
            if network is not None:
                _write_calibration(run, network, model, dataset, margins, pictures)
            write_scores(run.scores_file, scores)
        if run.network_sha256 == network:
            return scores
        run.forget_scores()


def evaluate_start(
    run: RunFolder, dataset: PreparedDataset, *, split: Split = "test", transforms: int = 1
) -> list[ImageScores]:
    """Score the network that a run started from, as `evaluate_run` scores the one that it ended with; nothing is kept.

    Args:
        run: A run that started from a trained network.
        dataset: The dataset of the run.
        split: Which patches.
        transforms: See `evaluate_run`.

    Raises:
        DatasetError: The split is empty.
        ModelError: The weights that the run started from are missing or damaged.
    """
    from tem_rf.runs.network import load_start

    dataset = in_normalization(dataset, run.config.preprocessing.normalization)
    return _segment_and_score(load_start(run), dataset, split, transforms, None, None, None)[0]


def _write_calibration(
    run: RunFolder,
    network_sha256: str,
    model: Any,
    dataset: PreparedDataset,
    margins: MarginHistogram,
    pictures: Path | None,
) -> None:
    """Fit the temperature on the validation patches, and keep it with the reliability on the test patches."""
    temperature, validation = fit_on_validation(model, dataset) or (None, None)
    test = measure(margins, len(dataset.indices("test")), temperature)
    write_calibration(run, Calibration(network_sha256, temperature, validation, test))
    if pictures:
        write_reliability(pictures / "reliability.png", test, temperature, title=f"{run.name}: test images")


def dataset_of(run: RunFolder, dataset: PreparedDataset) -> PreparedDataset:
    """A dataset as a run reads it: in its normalization, and with its fold held out for testing."""
    config = run.config
    fold = None if config.fold is None else (config.fold.number, config.fold.folds)
    if fold != dataset.fold:
        return open_training_data(config)
    return in_normalization(dataset, config.preprocessing.normalization)


def _segment_and_score(
    model: Any,
    dataset: PreparedDataset,
    split: Split,
    transforms: int,
    margins: MarginHistogram | None,
    pictures: Path | None,
    progress: Progress | None,
) -> tuple[list[ImageScores], list[np.ndarray]]:
    """Scores and, if margins are collected, masks in the same order."""
    indices = dataset.indices(split)
    scores: list[ImageScores] = []
    masks: list[np.ndarray] = []
    for batch in batches(indices, dataset.manifest.patch_size):
        for transform in range(transforms):
            images = dihedral(dataset.images[batch], transform)[..., np.newaxis]
            logits = np.asarray(model(np.ascontiguousarray(images), training=False))
            probabilities = inverse_dihedral(particle_probability(logits), transform)
            distances = predicted_distance(logits)
            if distances is not None:
                distances = inverse_dihedral(distances, transform)
            scores += score_patches(dataset, batch, probabilities, distances)
            if margins is not None:
                masks += [*particle_mask(probabilities)]
                add_margins(margins, dataset, batch, logits)
            if pictures and transform == 0:
                _write_overlays(pictures, dataset, batch, probabilities)
        if progress:
            progress(len(scores), transforms * len(indices))
    return scores, masks


def evaluate_baselines(
    dataset: PreparedDataset, *, split: Split = "test", lattice_spacing_nm: float | None = None
) -> dict[str, tuple[list[ImageScores], str]]:
    """Score the methods without a network on the same images.

    Args:
        dataset: The dataset.
        split: The split to score.
        lattice_spacing_nm: For Fourier filtering; None: find the fringes in the images.

    Returns:
        For each method its scores (none if it cannot be applied to these images) and its settings, or why it cannot.
    """
    indices = dataset.indices(split)
    images = np.asarray(dataset.images[indices])
    pixel_size_nm = dataset.manifest.pixel_size_nm
    methods = segment_without_network(images, pixel_size_nm=pixel_size_nm, lattice_spacing_nm=lattice_spacing_nm)
    return {
        method.name: ([] if method.masks is None else score_patches(dataset, indices, method.masks), method.note)
        for method in methods
    }


def score_patches(
    dataset: PreparedDataset, indices: np.ndarray, predictions: np.ndarray, distances: np.ndarray | None = None
) -> list[ImageScores]:
    """Score predictions for patches of a dataset, from any method.

    Args:
        dataset: The dataset.
        indices: (n,) patch indices.
        predictions: (n, h, w) probability of the particle class, or masks.
        distances: (n, h, w) distance that a network gives, by which its particles are split; None: it gives none.
    """
    return [
        _with_instances(
            score_image(
                prediction,
                dataset.particles(index),
                unsure=dataset.unsure(index) if dataset.has_unsure else None,
                source=dataset.patches[index].source,
                y_px=dataset.patches[index].y_px,
                x_px=dataset.patches[index].x_px,
                pixel_size_nm=dataset.manifest.pixel_size_nm,
            ),
            particle_mask(prediction) & ~dataset.unsure(index),
            None if distances is None else distances[place],
            dataset,
            int(index),
        )
        for place, (index, prediction) in enumerate(zip(indices, predictions, strict=True))
    ]


def _with_instances(
    scores: ImageScores, mask: np.ndarray, distance: np.ndarray | None, dataset: PreparedDataset, index: int
) -> ImageScores:
    """Add the scores of the particles; those below the minimum diameter are ignored in both."""
    min_area_px = disc_area_px(resolve_min_diameter_px(dataset.manifest.pixel_size_nm))
    numbers = particles_of_output(mask, distance, min_area_px=min_area_px)
    particles = score_particles(numbers, labelled_particles(dataset, index, min_area_px=min_area_px))
    return replace(
        scores,
        instance_precision=particles.instances.precision()[0],
        instance_recall=particles.instances.recall()[0],
        instance_f1=particles.instances.f1()[0],
        mean_instance_f1=particles.instances.mean_f1,
        panoptic_quality=particles.instances.panoptic_quality,
        merged=particles.merged,
        split=particles.split,
    )


def labelled_particles(dataset: PreparedDataset, index: int, *, min_area_px: float) -> np.ndarray:
    """Number the labelled particles of a patch: those of an instance label, otherwise regions split at their necks.

    Args:
        dataset: The dataset.
        index: Index of the patch.
        min_area_px: Minimum area of a particle [px].

    Returns:
        (patch, patch) int32, 0 on background.
    """
    mask = dataset.particles(index)
    if dataset.instances is not None and (dataset.instances[index].any() or not mask.any()):
        return renumber(dataset.instances[index], min_area_px)
    return number_particles(mask, split_touching=True, min_area_px=min_area_px)


def _write_overlays(folder: Path, dataset: PreparedDataset, indices: np.ndarray, probabilities: np.ndarray) -> None:
    for index, probability in zip(indices, probabilities, strict=True):
        patch = dataset.patches[index]
        write_overlay(
            folder / f"{patch.name}.png",
            dataset.images[index],
            particle_mask(probability) & ~dataset.unsure(index),
            dataset.particles(index),
            pixel_size_nm=dataset.manifest.pixel_size_nm,
        )
