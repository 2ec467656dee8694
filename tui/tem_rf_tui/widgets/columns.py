"""Column widths of tables, and the shortening of longer texts."""

from collections.abc import Collection, Sequence

from rich.cells import cell_len, set_cell_size

GAP = 2
"""Characters between columns."""

MIN_WIDTH = 15
"""Minimum width of a shortened column [characters]; "51.123 ± 18.730" fits."""


def widths_of(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column [characters]."""
    return [max(map(cell_len, column)) for column in zip(titles, *rows, strict=True)]


def table_width(widths: Sequence[int]) -> int:
    """Return the total width of columns side by side [characters]."""
    return sum(widths) + GAP * len(widths)


def fit_widths(widths: Sequence[int], room: int) -> list[int]:
    """Shrink the widest columns, down to a readable minimum, until all fit.

    >>> fit_widths([8, 40, 30], room=60), fit_widths([8, 40], room=60), fit_widths([40, 4], room=10)
    ([8, 23, 23], [8, 40], [15, 4])
    """
    fitted = list(widths)
    while table_width(fitted) > room and max(fitted) > MIN_WIDTH:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def columns_with_room(widths: Sequence[int], room: int, *, always: Collection[int]) -> list[int]:
    """Return the columns that fit side by side: the required ones, then the others from the left.

    >>> columns_with_room([8, 30, 10, 10, 10], room=55, always={0, 1, 4})
    [0, 1, 2, 4]
    """
    narrowest = [min(width, MIN_WIDTH) for width in widths]
    shown = set(always)
    for column in range(len(widths)):
        if table_width([narrowest[each] for each in shown | {column}]) > room:
            break
        shown.add(column)
    return sorted(shown)


def fit_text(text: str, width: int) -> str:
    """Fit text to a width; longer text is cut in the middle, because names of runs and files differ at their end.

    >>> fit_text("au", 4), fit_text("au-5nm-n2-p44-s752", 11)
    ('au  ', 'au-5n…-s752')
    """
    if cell_len(text) > width > 2:
        end = (width - 1) // 2
        start = set_cell_size(text, width - 1 - end)
        while cell_len(text) > end:
            text = text[1:]
        text = f"{start}…{text}"
    return set_cell_size(text, width)
