"""Building blocks of Markdown."""

import re
from collections.abc import Iterable, Sequence


def section(level: int, title: str) -> str:
    """Return a heading."""
    return f"{'#' * level} {title}"


def code(text: str) -> str:
    """Format text as code; also works in tables."""
    return f"`{text}`" if text else ""


def prose(docstring: str) -> str:
    """Return the paragraphs of a docstring without examples and Google sections, except the source."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", docstring)]
    return "\n\n".join(part for part in paragraphs if not re.match(r">>>|(Args|Attributes|Returns|Raises):", part))


def table(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """Return a table, or an empty string if there are no rows."""
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}", *lines])


def _cell(text: str | None) -> str:
    return re.sub(r"[ \n]+", " ", text or "").replace("|", "\\|")
