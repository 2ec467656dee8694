"""Number the particles of a mask, and split touching ones at their necks, or where a network sees an edge."""

from collections.abc import Callable

import numpy as np

Divide = Callable[[np.ndarray, tuple[slice, ...]], np.ndarray]
"""Numbers the parts of a component (h, w) bool from 1, given its place in the image."""

# Two regions are two particles if the neck between them is narrower than this fraction of the smaller one. Of 809
# ragged discs 26 stay merged (at 0.8: 85), and 1 of 150 ragged ellipses is split (at 0.96: 5).
_NECK = 0.9
# A part with less than this fraction of the maximum radius of its component is a bump of the outline.
_MIN_RADIUS_FRACTION = 0.3
# Holes of up to as many pixels, or up to this fraction of the component, are noise.
_HOLE_PX = 4
_HOLE_PART = 0.002
# Blur of the distance that a network gives [px], and what it counts as at least. The blur was chosen on simulated
# validation images: docs/experiments.md, "Touching particles".
_GIVEN_BLUR_PX = 2.0
_MIN_GIVEN = 1e-3


def number_particles(
    mask: np.ndarray,
    *,
    split_touching: bool = False,
    min_area_px: float = 12,
    distance: np.ndarray | None = None,
) -> np.ndarray:
    """Number the connected regions of a mask, row by row.

    Args:
        mask: (h, w) bool.
        split_touching: Split regions at necks, by a watershed of the distance to the outline.
        min_area_px: Minimum area; smaller regions, before or after splitting, are specks and get no number [px].
        distance: (h, w) float, distance that a network gives, by which to split, too, see `split_at_necks`.

    Returns:
        (h, w) int32, 0 on background; diagonal neighbours are connected.
    """
    from scipy.ndimage import label

    numbers, _ = label(mask, structure=np.ones((3, 3)))
    numbers = renumber(numbers, min_area_px)
    return split_regions(numbers, min_area_px, distance) if split_touching else numbers


def particles_of_output(mask: np.ndarray, distance: np.ndarray | None, *, min_area_px: float = 12) -> np.ndarray:
    """Number the particles that a network finds: split by its distance if it gives one, otherwise connected regions.

    Args:
        mask: (h, w) bool.
        distance: (h, w) float, distance that the network gives; None: it gives none.
        min_area_px: As for `number_particles`.

    Returns:
        (h, w) int32, 0 on background.
    """
    return number_particles(mask, split_touching=distance is not None, min_area_px=min_area_px, distance=distance)


def split_regions(numbers: np.ndarray, min_area_px: float, distance: np.ndarray | None = None) -> np.ndarray:
    """Split numbered regions at their necks.

    Args:
        numbers: (h, w) int32, connected regions of at least the minimum area, numbered from 1 without gaps.
        min_area_px: Minimum area; smaller parts are specks and get no number [px].
        distance: As for `number_particles`.

    Returns:
        (h, w) int32, numbered from 1 without gaps; the first part of a region has its place in the order, the others
        follow after all regions.
    """

    def divide(component: np.ndarray, place: tuple[slice, ...]) -> np.ndarray:
        return split_at_necks(component, None if distance is None else distance[place])

    parts = split_components(numbers, divide)
    areas = np.bincount(parts.ravel())
    return renumber(parts, min_area_px) if areas[1:].min(initial=min_area_px) < min_area_px else parts


def renumber(numbers: np.ndarray, min_area_px: float) -> np.ndarray:
    """Renumber the particles of at least the minimum area from 1 without gaps, in the same order.

    Args:
        numbers: (h, w) int, 0 on background.
        min_area_px: Minimum area; smaller particles get no number [px].

    Returns:
        (h, w) int32.
    """
    kept = np.bincount(numbers.ravel()) >= min_area_px
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0).astype(np.int32)[numbers]


def split_components(numbers: np.ndarray, divide: Divide) -> np.ndarray:
    """Number the parts of each component; the first part keeps the number.

    Args:
        numbers: (h, w) int32, numbered components.
        divide: Numbers the parts of one component.

    Returns:
        (h, w) int32.
    """
    from scipy.ndimage import find_objects

    result, last = numbers.copy(), int(numbers.max())
    for number, place in enumerate(find_objects(numbers), start=1):
        if place is None:
            continue
        parts = divide(numbers[place] == number, place)
        others = parts > 1
        result[place][others] = parts[others] + last - 1
        last += max(int(parts.max()) - 1, 0)
    return result


def split_at_necks(
    component: np.ndarray, given: np.ndarray | None = None, *, neck: float = _NECK, blur_px: float = _GIVEN_BLUR_PX
) -> np.ndarray:
    """Number the regions between the necks of one connected region.

    Args:
        component: (h, w) bool, one connected region.
        given: (h, w) float, relative distance to the edge of the particle that a network gives, about 1 at its centre.
            It multiplies the distance to the outline, so that a neck is also where the network sees an edge.
        neck: Maximum distance in a neck, relative to the smaller region.
        blur_px: Standard deviation of a Gaussian blur of the given distance [px].

    Returns:
        (h, w) int, 0 outside it; 1 everywhere in it if it has no neck.

    Source: a watershed from maxima of some height, as Naylor et al. 2019 (DIST) do with the distance of a network.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum
    from skimage.measure import label
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import relabel_sequential, watershed

    solid = _fill_small_holes(np.pad(component, 1))
    distance = depth = gaussian_filter(distance_transform_edt(solid), 1.0)
    if given is not None:
        inside = gaussian_filter(np.where(solid[1:-1, 1:-1], given, 0), blur_px, mode="nearest")
        depth = distance * np.pad(np.maximum(inside, _MIN_GIVEN), 1)
    elif _has_one_peak(distance, solid):
        return component.astype(np.int64)
    # In the logarithm, the depth of a neck does not depend on the size of the particles.
    height = np.where(solid, np.log(depth, where=depth > 0, out=np.full_like(depth, -9.0)), -9.0)
    flattened = reconstruction(height + np.log(neck), height)
    peaks = label(local_maxima(flattened) & solid, connectivity=2)
    radii = np.asarray(maximum(distance, peaks, range(1, peaks.max() + 1)))
    kept = np.flatnonzero(radii >= _MIN_RADIUS_FRACTION * radii.max()) + 1
    markers = np.where(np.isin(peaks, kept), peaks, 0)
    regions = watershed(-depth, markers, mask=solid)[1:-1, 1:-1]
    return relabel_sequential(regions * component)[0]


def _has_one_peak(distance: np.ndarray, solid: np.ndarray) -> bool:
    """Whether there is nothing to split, in a fraction of the time of finding out where."""
    from scipy.ndimage import label, maximum_filter

    peaks = (distance == maximum_filter(distance, 3)) & solid
    return np.count_nonzero(peaks) == 1 or bool(label(peaks, structure=np.ones((3, 3)))[1] == 1)


def _fill_small_holes(component: np.ndarray) -> np.ndarray:
    """Fill holes left by fringes and noise, around which the distance would have false peaks.

    A larger hole is the gap between three touching particles, and separates them.

    Args:
        component: (h, w) bool, False along its border.
    """
    from skimage.measure import label

    open_places = label(~component, connectivity=1)
    areas = np.bincount(open_places.ravel())
    small = areas <= max(_HOLE_PX, _HOLE_PART * np.count_nonzero(component))
    small[open_places[0, 0]] = False  # the outside, since the border is padded
    small[0] = True  # the component itself
    return small[open_places]
