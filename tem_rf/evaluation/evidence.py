"""Evidence from a prepared dataset and its finished runs about which receptive fields are worth searching."""

from collections.abc import Iterable

import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.architecture.advice import Evidence, Result
from tem_rf.data.intensity import Intensity
from tem_rf.data.prepared import PreparedDataset
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.view import view_run

_PATCHES = 64  # enough for a median diameter


def gather_evidence(dataset: PreparedDataset, runs: Iterable[RunFolder]) -> Evidence:
    """Collect contrast, diameters and pixel size from a dataset, and dice scores from its finished runs.

    Args:
        dataset: The dataset.
        runs: Any runs; those on other datasets and unfinished ones are ignored.
    """
    return Evidence(
        patch_size=dataset.manifest.patch_size,
        pixel_size_nm=dataset.manifest.pixel_size_nm,
        separability=separability(dataset.manifest.intensity),
        diameter_px=median_diameter_px(dataset.particles(slice(None, None, max(1, len(dataset.labels) // _PATCHES)))),
        results=_results(dataset, runs),
    )


def separability(intensity: Intensity) -> float:
    """Fraction of pairs of a particle and a background pixel that brightness separates.

    The area under the ROC curve of a threshold, for either contrast: 0.5 is chance, 1 is complete separation.
    """
    particle, background = (
        np.asarray(each.histogram, float) / sum(each.histogram) for each in (intensity.particle, intensity.background)
    )
    brighter = float((particle * (background.cumsum() - background / 2)).sum())  # half of the ties
    return max(brighter, 1 - brighter)


def median_diameter_px(labels: np.ndarray) -> float | None:
    """Median equivalent circle diameter of the particles that do not touch the border of a patch [px].

    Args:
        labels: (n, h, w), 1 on particles.
    """
    from skimage.measure import label, regionprops
    from skimage.segmentation import clear_border

    diameters = [
        region.equivalent_diameter_area for mask in labels for region in regionprops(label(clear_border(mask > 0)))
    ]
    return float(np.median(diameters)) if diameters else None


def _results(dataset: PreparedDataset, runs: Iterable[RunFolder]) -> tuple[Result, ...]:
    dice: dict[Architecture, list[float]] = {}
    fingerprint = dataset.fingerprint
    for run in runs:
        if run.config.dataset_sha256 != fingerprint:
            continue
        view = view_run(run)
        if view.state == "finished" and view.best is not None:
            dice.setdefault(run.config.architecture, []).append(view.best.validation_hard_dice)
    return tuple(Result(architecture, tuple(values)) for architecture, values in dice.items())
