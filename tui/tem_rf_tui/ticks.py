"""Round numbers, evenly spaced, for the axes of plots."""

import math

AXIS_ROWS = 2
"""Lines that a plot needs below it: the axis and its labels."""

_STEPS = (1, 2, 2.5, 5, 10)
_ROW_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
_MANY_ROWS = 14


def even_ticks(low: float, high: float, count: int = 5, *, whole: bool = False) -> list[float]:
    """Return about `count` round numbers from low to high, all at the same distance.

    Args:
        low: Lower end of the axis.
        high: Upper end of the axis.
        count: Maximum number of intervals.
        whole: Whether only whole numbers make sense, such as epochs.

    >>> even_ticks(1, 24, whole=True), even_ticks(1, 7, whole=True), even_ticks(1, 2, whole=True)
    ([5, 10, 15, 20], [2, 4, 6], [1, 2])
    >>> even_ticks(0.824, 0.871), even_ticks(3, 3)
    ([0.83, 0.84, 0.85, 0.86, 0.87], [3])
    """
    if high <= low:
        return [low]
    magnitude = 10.0 ** math.floor(math.log10((high - low) / count))
    steps = (step for step in _STEPS if step != 2.5) if whole else _STEPS
    step = next(each * magnitude for each in steps if each * magnitude * count >= (high - low) * 0.999999)
    if whole:
        step = max(1, math.ceil(step))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 2 - math.floor(math.log10(step)))
    ticks = [round(step * number, digits) for number in range(first, last + 1)]
    return [int(tick) if tick == int(tick) else tick for tick in ticks]


def row_ticks(low: float, high: float, rows: int) -> tuple[float, float, list[float]]:
    """Return the ends and the ticks of a vertical axis on which every tick falls exactly on a line of the terminal.

    Ticks between lines would be drawn on the nearest one: unevenly, and beside values that they do not mean.

    Args:
        low: Smallest value.
        high: Largest value.
        rows: Lines of the plot.

    >>> row_ticks(0.41, 0.78, 9)
    (0.4, 0.8, [0.4, 0.5, 0.6, 0.7, 0.8])
    >>> row_ticks(5, 5, 4)
    (5.0, 5.3, [5.0, 5.2])
    """
    rows = max(2, rows)
    per_row = (high - low) / (rows - 1) or max(abs(high), 1e-6) / 10
    magnitude = 10.0 ** math.floor(math.log10(per_row))
    for step in (*_ROW_STEPS, *(10 * each for each in _ROW_STEPS)):
        size = step * magnitude
        first = math.floor(low / size + 1e-9)
        if (first + rows - 1) * size >= high - 1e-9 * size:
            break
    every = 2 if rows < _MANY_ROWS else 4
    digits = max(0, 2 - math.floor(math.log10(size)))
    numbers = [number for number in range(first, first + rows) if number % every == 0]
    ends = (round(first * size, digits), round((first + rows - 1) * size, digits))
    return *ends, [round(number * size, digits) for number in numbers]


def tick_labels(ticks: list[float]) -> list[str]:
    """Return ticks as text, all with the same number of decimals.

    >>> tick_labels([0.8, 0.85, 0.9]), tick_labels([5, 10])
    (['0.80', '0.85', '0.90'], ['5', '10'])
    """
    decimals = max((len(f"{tick:.6f}".rstrip("0").partition(".")[2]) for tick in ticks), default=0)
    return [f"{tick:.{decimals}f}" for tick in ticks]
