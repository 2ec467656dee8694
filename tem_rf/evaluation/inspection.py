"""What a prepared dataset holds: balance of the classes, contrast, particle sizes, lattice fringes."""

from dataclasses import dataclass

import numpy as np

from tem_rf.data.preparation.splits import SPLITS, Split
from tem_rf.data.prepared import PATCHES_FILE, PreparedDataset
from tem_rf.errors import DatasetError, NoBraggPeaksError

_MOST_PATCHES_MEASURED = 400  # of evenly spread micrographs; more change no diameter and cost seconds
_MOST_PATCHES_TRANSFORMED = 32  # those with most particle
_LARGEST_MICROGRAPH_PX = 16384**2  # what a patches.csv claims beyond it must not fill the memory
_LEAST_PARTICLE_PX = 12  # smaller spots are slips of the pen


@dataclass(frozen=True)
class SplitBalance:
    """What one split holds.

    Attributes:
        split: Its name.
        micrographs: Micrographs its patches come from.
        particle_fractions: (n,) of its patches.
    """

    split: Split
    micrographs: int
    particle_fractions: np.ndarray


@dataclass(frozen=True)
class Inspection:
    """What a dataset holds.

    Attributes:
        balance: Per split, without empty ones.
        effect_size: Distance of the class means in pooled standard deviations (Cohen's d): about 0.2 is hard to see,
            above 1 the classes hardly overlap. Negative where particles are darker.
        diameters_px: (n,) diameters of circles as large as the particles that lie whole within the patches of a
            micrograph, put together.
        cut_particles: Particles that reach the border of these patches, which have no diameter.
        lattice_spacing_px: Period of the lattice fringes [px]; None where no Bragg peaks stand out.
        pixel_size_nm: Side of a pixel [nm]; None where it is not known.
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
            elif region.area >= _LEAST_PARTICLE_PX:
                diameters.append(region.equivalent_diameter_area)
    return np.array(diameters), cut


def _patches_by_micrograph(dataset: PreparedDataset) -> list[list[int]]:
    """Indices of the patches of each micrograph."""
    indices: dict[str, list[int]] = {}
    for index, patch in enumerate(dataset.patches):
        indices.setdefault(patch.source, []).append(index)
    return list(indices.values())


def _evenly_chosen(micrographs: list[list[int]]) -> list[list[int]]:
    """As many micrographs as have about the most patches that are measured."""
    patches_each = sum(map(len, micrographs)) / len(micrographs)
    number = min(len(micrographs), max(1, int(_MOST_PATCHES_MEASURED / patches_each)))
    chosen = np.linspace(0, len(micrographs) - 1, number).astype(int)
    return [micrographs[index] for index in chosen]


def _put_together(dataset: PreparedDataset, indices: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The label of a micrograph from the patches that were kept, and which pixels these are; (h, w) bool each.

    Raises:
        DatasetError: The patches lie further apart than on any camera.
    """
    size = dataset.manifest.patch_size
    places = np.array([(dataset.patches[index].row, dataset.patches[index].column) for index in indices])
    places -= places.min(axis=0)
    height, width = (int(side) + size for side in places.max(axis=0))
    if height * width > _LARGEST_MICROGRAPH_PX:
        raise DatasetError(
            f"{dataset.folder / PATCHES_FILE}: the patches of {dataset.patches[indices[0]].source} span {height} x "
            f"{width} px, expected at most {_LARGEST_MICROGRAPH_PX} px in all; prepare the dataset again."
        )
    mask, is_kept = (np.zeros((height, width), bool) for _ in range(2))
    for index, (row, column) in zip(indices, places, strict=True):
        here = slice(row, row + size), slice(column, column + size)
        mask[here], is_kept[here] = dataset.labels[index] > 0, True
    return mask, is_kept


def _next_to_nothing(is_kept: np.ndarray) -> np.ndarray:
    """Pixels whose neighbour above, below, left or right belongs to no patch."""
    from scipy.ndimage import binary_erosion

    return is_kept & ~binary_erosion(is_kept)


def _lattice_spacing(dataset: PreparedDataset) -> float | None:
    from tem_rf.evaluation.bragg import find_band

    fractions = np.array([patch.particle_fraction for patch in dataset.patches])
    fullest = np.sort(np.argsort(-fractions, kind="stable")[:_MOST_PATCHES_TRANSFORMED])
    try:
        band = find_band(np.asarray(dataset.images[fullest]))
    except NoBraggPeaksError:
        return None
    return dataset.manifest.patch_size / band.middle_px
