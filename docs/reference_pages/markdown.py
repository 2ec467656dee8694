"""Pieces of Markdown."""

import re
from collections.abc import Iterable, Sequence


def section(level: int, title: str) -> str:
    """A heading."""
    return f"{'#' * level} {title}"


def code(text: str) -> str:
    """Text as code, in a table too."""
    return f"`{text}`" if text else ""


def prose(docstring: str) -> str:
    """The paragraphs of a docstring, without its examples and its Google sections but for the source."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", docstring)]
    return "\n\n".join(part for part in paragraphs if not re.match(r">>>|(Args|Attributes|Returns|Raises):", part))


def table(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """A table; nothing where it has no rows."""
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}", *lines])


def _cell(text: str | None) -> str:
    return re.sub(r"[ \n]+", " ", text or "").replace("|", "\\|")
