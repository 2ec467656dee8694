"""Inspect a dataset: class balance, contrast, particle sizes, and a plot of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.data.intensity import CLASSES
from tem_rf.data.prepared import PATCHES_FILE, PreparedDataset
from tem_rf.data.splits import SPLITS, Split
from tem_rf.errors import DatasetError, NoBraggPeaksError
from tem_rf.plots.saved_figure import save_figure
from tem_rf.plots.segmentation import overlay

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_MAX_PATCHES_MEASURED = 400  # of evenly spaced micrographs; more do not change the diameters, but cost seconds
_MAX_PATCHES_TRANSFORMED = 32  # those with the most particle pixels
_MAX_MICROGRAPH_PX = 16384**2  # limit for the size given by patches.csv, which must not exhaust the memory
_MIN_PARTICLE_PX = 12  # smaller regions are drawing errors


@dataclass(frozen=True)
class SplitBalance:
    """Class balance of one split.

    Attributes:
        split: Name of the split.
        micrographs: Number of micrographs its patches come from.
        particle_fractions: (n,) particle fractions of its patches.
    """

    split: Split
    micrographs: int
    particle_fractions: np.ndarray


@dataclass(frozen=True)
class Inspection:
    """Results of inspecting a dataset.

    Attributes:
        balance: Class balance of each split that has patches.
        effect_size: Distance of the class means in pooled standard deviations (Cohen's d): about 0.2 is hard to see,
            above 1 the classes hardly overlap. Negative if particles are darker.
        diameters_px: (n,) equivalent circle diameters of the particles that are completely within the assembled patches
            of a micrograph.
        cut_particles: Number of particles that touch the border of these patches, which have no diameter.
        lattice_spacing_px: Period of the lattice fringes [px]; None if there are no distinct Bragg peaks.
        pixel_size_nm: Pixel size [nm]; None if not known.
    """

    balance: tuple[SplitBalance, ...]
    effect_size: float
    diameters_px: np.ndarray
    cut_particles: int
    lattice_spacing_px: float | None
    pixel_size_nm: float | None


def inspect_dataset(dataset: PreparedDataset) -> Inspection:
    """Measure a dataset."""
    diameters, cut = _measure_particles(dataset)
    return Inspection(
        balance=tuple(balance for split in SPLITS if (balance := _balance(dataset, split)).particle_fractions.size),
        effect_size=_effect_size(dataset),
        diameters_px=diameters,
        cut_particles=cut,
        lattice_spacing_px=_lattice_spacing(dataset),
        pixel_size_nm=dataset.manifest.pixel_size_nm,
    )


def _balance(dataset: PreparedDataset, split: Split) -> SplitBalance:
    patches = [patch for patch in dataset.patches if patch.split == split]
    fractions = np.array([patch.particle_fraction for patch in patches])
    return SplitBalance(split, len({patch.source for patch in patches}), fractions)


def _effect_size(dataset: PreparedDataset) -> float:
    background, particle = dataset.manifest.intensity.background, dataset.manifest.intensity.particle
    pooled = np.sqrt((background.sd**2 + particle.sd**2) / 2)
    return float((particle.mean - background.mean) / max(pooled, 1e-12))


def _measure_particles(dataset: PreparedDataset) -> tuple[np.ndarray, int]:
    from skimage.measure import label, regionprops

    diameters, cut = [], 0
    for patches in _evenly_chosen(_patches_by_micrograph(dataset)):
        mask, is_kept = _put_together(dataset, patches)
        regions = label(mask)
        edge = np.unique(regions[_next_to_nothing(is_kept)])
        for region in regionprops(regions):
            if region.label in edge:
                cut += 1
            elif region.area >= _MIN_PARTICLE_PX:
                diameters.append(region.equivalent_diameter_area)
    return np.array(diameters), cut


def _patches_by_micrograph(dataset: PreparedDataset) -> list[list[int]]:
    """Indices of the patches of each micrograph."""
    indices: dict[str, list[int]] = {}
    for index, patch in enumerate(dataset.patches):
        indices.setdefault(patch.source, []).append(index)
    return list(indices.values())


def _evenly_chosen(micrographs: list[list[int]]) -> list[list[int]]:
    """Evenly spaced micrographs with about the maximum number of patches to measure."""
    patches_each = sum(map(len, micrographs)) / len(micrographs)
    number = min(len(micrographs), max(1, int(_MAX_PATCHES_MEASURED / patches_each)))
    indices = np.linspace(0, len(micrographs) - 1, number).astype(int)
    return [micrographs[index] for index in indices]


def _put_together(dataset: PreparedDataset, indices: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Assemble the label of a micrograph from its kept patches. Also return which pixels they cover; (h, w) bool each.

    Raises:
        DatasetError: The patches are further apart than the size of any camera.
    """
    size = dataset.manifest.patch_size
    corners = np.array([(dataset.patches[index].y_px, dataset.patches[index].x_px) for index in indices])
    corners -= corners.min(axis=0)
    height, width = (int(side) + size for side in corners.max(axis=0))
    if height * width > _MAX_MICROGRAPH_PX:
        raise DatasetError(
            f"{dataset.folder / PATCHES_FILE}: the patches of {dataset.patches[indices[0]].source} span {height} x "
            f"{width} px, expected at most {_MAX_MICROGRAPH_PX} px in all; prepare the dataset again."
        )
    mask, is_kept = (np.zeros((height, width), bool) for _ in range(2))
    for index, (row, column) in zip(indices, corners, strict=True):
        here = slice(row, row + size), slice(column, column + size)
        mask[here], is_kept[here] = dataset.particles(index), True
    return mask, is_kept


def _next_to_nothing(is_kept: np.ndarray) -> np.ndarray:
    """Pixels with a neighbour above, below, left or right that belongs to no patch."""
    from scipy.ndimage import binary_erosion

    return is_kept & ~binary_erosion(is_kept)


def _lattice_spacing(dataset: PreparedDataset) -> float | None:
    from tem_rf.baselines.bragg import find_band

    fractions = np.array([patch.particle_fraction for patch in dataset.patches])
    fullest = np.sort(np.argsort(-fractions, kind="stable")[:_MAX_PATCHES_TRANSFORMED])
    try:
        band = find_band(np.asarray(dataset.images[fullest]))
    except NoBraggPeaksError:
        return None
    return dataset.manifest.patch_size / band.middle_px


_COLOURS = {
    "background": "#0072B2",
    "particle": "#D55E00",
    "train": "#0072B2",
    "validation": "#E69F00",
    "test": "#009E73",
}
_EXAMPLES = 3
_BINS_TOGETHER = 4  # single bins are finer than the grey levels of 8-bit images


def write_inspection_picture(path: Path, dataset: PreparedDataset, inspection: Inspection) -> None:
    """Write the inspection plot.

    Args:
        path: PNG file to write.
        dataset: The dataset.
        inspection: Result of `inspect_dataset`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), layout="constrained")
    grid = figure.add_gridspec(2, _EXAMPLES)
    _draw_examples([figure.add_subplot(grid[0, column]) for column in range(_EXAMPLES)], dataset)
    _draw_contrast(figure.add_subplot(grid[1, 0]), dataset, inspection)
    _draw_balance(figure.add_subplot(grid[1, 1]), inspection)
    _draw_diameters(figure.add_subplot(grid[1, 2]), inspection)
    figure.suptitle(f"{dataset.manifest.name}: {len(dataset.patches)} patches of {dataset.manifest.patch_size} px")
    save_figure(path, figure, dpi=110)


def _draw_examples(axes: "list[Axes]", dataset: PreparedDataset) -> None:
    """Patches with small, typical and large particle fractions, with the outlines of the labels."""
    order = np.argsort([patch.particle_fraction for patch in dataset.patches], kind="stable")
    for place, quantile in zip(axes, np.linspace(0.1, 0.9, len(axes)), strict=True):
        index = int(order[round(quantile * (len(order) - 1))])
        place.imshow(overlay(np.asarray(dataset.images[index]), dataset.particles(index)))
        patch = dataset.patches[index]
        title = f"{patch.source} ({patch.y_px}, {patch.x_px}), {patch.split}"
        place.set_title(title, fontsize=9, parse_math=False)
        place.set_axis_off()


def _draw_contrast(axes: "Axes", dataset: PreparedDataset, inspection: Inspection) -> None:
    intensity = dataset.manifest.intensity
    for name in CLASSES:
        statistics = intensity.particle if name == "particle" else intensity.background
        counts = np.array(statistics.histogram, float).reshape(-1, _BINS_TOGETHER).sum(axis=1)
        edges = np.linspace(intensity.low, intensity.high, len(counts) + 1)
        density = counts / max(1.0, counts.sum()) / (edges[1] - edges[0])
        axes.stairs(density, edges, fill=True, alpha=0.45, color=_COLOURS[name], label=name)
        label = f"median {statistics.median:.2f}"
        axes.axvline(statistics.median, color=_COLOURS[name], linestyle="--", linewidth=1.2, label=label)
    axes.set(xlabel="normalized intensity", ylabel="density", title=f"contrast: d = {inspection.effect_size:.2f}")
    axes.legend(fontsize=8)


def _draw_balance(axes: "Axes", inspection: Inspection) -> None:
    """Draw one point per patch, so that a small number of patches is obvious."""
    spread = np.random.default_rng(0)
    for row, balance in enumerate(inspection.balance):
        fractions = balance.particle_fractions
        heights = row + spread.uniform(-0.25, 0.25, len(fractions))
        axes.plot(fractions, heights, ".", markersize=5, alpha=0.6, color=_COLOURS[balance.split])
        axes.plot([fractions.mean()] * 2, [row - 0.35, row + 0.35], color="black")
    names = [f"{balance.split} ({len(balance.particle_fractions)})" for balance in inspection.balance]
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel="particle fraction of a patch", title="balance; bar: mean", xlim=(0, None))


def _draw_diameters(axes: "Axes", inspection: Inspection) -> None:
    size, unit = (inspection.pixel_size_nm, "nm") if inspection.pixel_size_nm else (1.0, "px")
    diameters = inspection.diameters_px * size
    if diameters.size:
        axes.hist(diameters, bins=min(40, max(8, diameters.size // 5)), color="0.5")
        axes.axvline(float(np.median(diameters)), color="black", linestyle="--", linewidth=1.2)
        title = f"{diameters.size} whole particles, median {np.median(diameters):.3g} {unit}"
    else:
        title = "no particle is completely within the patches"
    axes.set(xlabel=f"particle diameter [{unit}]", ylabel="particles", title=title)
