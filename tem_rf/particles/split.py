"""Number the particles of a mask, and split touching ones at their necks."""

import numpy as np

# Two regions are two particles if the neck between them is narrower than this fraction of the smaller one. Of 809
# ragged discs 26 stay merged (at 0.8: 85), and 1 of 150 ragged ellipses is split (at 0.96: 5).
_NECK = 0.9
# A part with less than this fraction of the maximum radius of its component is a bump of the outline.
_MIN_RADIUS_FRACTION = 0.3
# Holes of up to as many pixels, or up to this fraction of the component, are noise.
_HOLE_PX = 4
_HOLE_PART = 0.002


def number_particles(mask: np.ndarray, *, split_touching: bool = False, min_area_px: float = 12) -> np.ndarray:
    """Number the connected regions of a mask, row by row.

    Args:
        mask: (h, w) bool.
        split_touching: Split regions at necks, by a watershed of the distance to the outline.
        min_area_px: Minimum area; smaller regions, before or after splitting, are specks and get no number [px].

    Returns:
        (h, w) int32, 0 on background; diagonal neighbours are connected.
    """
    from scipy.ndimage import label

    numbers, _ = label(mask, structure=np.ones((3, 3)))
    numbers = renumber(numbers, min_area_px)
    return renumber(_split(numbers), min_area_px) if split_touching else numbers


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


def _split(numbers: np.ndarray) -> np.ndarray:
    from scipy.ndimage import find_objects

    result, last = numbers.copy(), int(numbers.max())
    for number, place in enumerate(find_objects(numbers), start=1):
        if place is None:
            continue
        component = numbers[place] == number
        regions = split_at_necks(component)
        others = regions > 1  # the first region keeps the number
        result[place][others] = regions[others] + last - 1
        last += max(int(regions.max()) - 1, 0)
    return result


def split_at_necks(component: np.ndarray) -> np.ndarray:
    """Number the regions between the necks of one connected region.

    Args:
        component: (h, w) bool, one connected region.

    Returns:
        (h, w) int, 0 outside it; 1 everywhere in it if it has no neck.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum
    from skimage.measure import label
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import relabel_sequential, watershed

    solid = _fill_small_holes(np.pad(component, 1))
    distance = gaussian_filter(distance_transform_edt(solid), 1.0)
    if _has_one_peak(distance, solid):
        return component.astype(np.int64)
    # In the logarithm, the depth of a neck does not depend on the size of the particles.
    height = np.where(solid, np.log(distance, where=distance > 0, out=np.full_like(distance, -9.0)), -9.0)
    flattened = reconstruction(height + np.log(_NECK), height)
    peaks = label(local_maxima(flattened) & solid, connectivity=2)
    radii = np.asarray(maximum(distance, peaks, range(1, peaks.max() + 1)))
    kept = np.flatnonzero(radii >= _MIN_RADIUS_FRACTION * radii.max()) + 1
    markers = np.where(np.isin(peaks, kept), peaks, 0)
    regions = watershed(-distance, markers, mask=solid)[1:-1, 1:-1]
    return relabel_sequential(regions * component)[0]


def _has_one_peak(distance: np.ndarray, solid: np.ndarray) -> bool:
    """Whether there is nothing to split, in a fraction of the time of finding out where."""
    from scipy.ndimage import label, maximum_filter

    peaks = (distance == maximum_filter(distance, 3)) & solid
    return bool(label(peaks, structure=np.ones((3, 3)))[1] == 1)


def _fill_small_holes(component: np.ndarray) -> np.ndarray:
    """Fill holes left by fringes and noise, around which the distance would have false peaks.

    A larger hole is the gap between three touching particles, and separates them.
    """
    from skimage.measure import label

    open_places = label(~component, connectivity=1)
    areas = np.bincount(open_places.ravel())
    small = areas <= max(_HOLE_PX, _HOLE_PART * np.count_nonzero(component))
    small[0] = True  # the component itself
    return small[open_places]
