"""Instance numbers in a label image: do its values number the particles, or are they classes or grey levels?"""

import numpy as np

_OF_MASKS = (1, 255, 65535)  # usual values of particle in a mask
_MOST_CLASSES = 10
_PIECES_OF_A_PARTICLE = 1.5  # on average; a class is in more pieces
_BORDERING_BACKGROUND = 0.5  # of the particles; of the grey levels of a soft edge only the lowest borders on it
_COUNTED_RANGE = 2**26  # numbers up to here are looked up in a table


def particle_numbers(frame: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """Number of the particle of each pixel, if the values of a label image are such numbers.

    Args:
        frame: (height, width) values, also whole numbers stored as floats.
        mask: (height, width) bool, True on particles.

    Returns:
        (height, width) int32, 0 outside the mask, with the values of the image if they are positive and fit; None if
        the values cannot tell particles apart: there is one, as in a mask, or there are few and most are in several
        pieces, as classes are.
    """
    values = frame[mask]
    if not values.size or not _are_whole(values) or ((values == values[0]).all() and values[0] in _OF_MASKS):
        return None
    numbers = _shifted(frame, mask, values)
    count = _count(numbers)
    return numbers if count > _MOST_CLASSES or _pieces(numbers) <= _PIECES_OF_A_PARTICLE * count else None


def are_surely_numbers(frame: np.ndarray, values: np.ndarray) -> bool:
    """Whether values are 0 and consecutive numbers of pieces that border on the background, unlike grey levels.

    Args:
        frame: (height, width).
        values: Its values without NaN, in ascending order.
    """
    count = len(values) - 1
    if count < 2 or values[0] != 0 or values[-1] != count or not _are_whole(values):
        return False
    numbers = np.nan_to_num(frame).astype(np.int32)
    borders = np.zeros(count + 1, bool)
    for one, other in ((numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])):
        borders[one[other == 0]] = True
        borders[other[one == 0]] = True
    is_apart = np.count_nonzero(borders[1:]) >= _BORDERING_BACKGROUND * count
    return bool(is_apart) and _pieces(numbers) <= _PIECES_OF_A_PARTICLE * count


def _are_whole(values: np.ndarray) -> bool:
    return values.dtype.kind in "uib" or bool((values == np.round(values)).all())


def _shifted(frame: np.ndarray, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Positive int32 numbers: the values themselves if they fit, otherwise their ranks."""
    low, high = values.min(), values.max()
    numbers = np.zeros(frame.shape, np.int32)
    if low >= 1 and high < min(np.iinfo(np.int32).max, _COUNTED_RANGE):
        numbers[mask] = values
    else:
        numbers[mask] = np.unique(values, return_inverse=True)[1].ravel() + 1
    return numbers


def _count(numbers: np.ndarray) -> int:
    return int(np.count_nonzero(np.bincount(numbers.ravel())[1:]))


def _pieces(numbers: np.ndarray) -> int:
    from skimage.measure import label

    return int(label(numbers, background=0, connectivity=2, return_num=True)[1])
