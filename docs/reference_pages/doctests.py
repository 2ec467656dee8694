"""An extension of Griffe that shows doctests in docstrings as code."""

import re
from typing import Any

import griffe

# From the first >>> to the next empty line or the end.
_DOCTEST = re.compile(r"^>>>.*?(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)


class FencedDoctests(griffe.Extension):
    """Puts fences around doctests, which Markdown would read as quotations."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(docstring: str) -> str:
    """Put fences around the doctests of a docstring."""
    return _DOCTEST.sub(lambda match: f"```pycon\n{match[0]}\n```", docstring)
