"""The smallest terminal in which the app can be read; also for `tem-rf doctor`, so it needs no Textual."""

MIN_COLUMNS, MIN_LINES = 80, 20
"""Minimum width and height [characters]; 24 lines less some for a status line."""


def is_too_small(columns: int, lines: int) -> bool:
    """Whether the app cannot be read in a terminal of this size.

    >>> is_too_small(80, 20), is_too_small(79, 50), is_too_small(200, 19)
    (False, True, True)
    """
    return columns < MIN_COLUMNS or lines < MIN_LINES
