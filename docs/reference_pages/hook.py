"""Hooks for MkDocs: add the reference, and convert formulas to MathML, which needs no script."""

import re
from html import unescape
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

from docs.reference_pages.api import api_page
from docs.reference_pages.commands import commands_page
from docs.reference_pages.events import events_page
from docs.reference_pages.formats import formats_page
from docs.reference_pages.json_keys import json_keys_page
from docs.reference_pages.settings import settings_page

ROOT = Path(__file__).parents[2]
# Output of pymdownx.arithmatex: \(inline\), \[displayed\].
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def reference() -> dict[str, str]:
    """Return the reference pages in Markdown, by path."""
    from tem_rf.cli.app import app
    from tem_rf.cli.on_use import with_all_commands

    return {
        "reference/commands.md": commands_page(with_all_commands(app)),
        "reference/settings.md": settings_page(),
        "reference/formats.md": formats_page(),
        "reference/json-keys.md": json_keys_page(),
        "reference/events.md": events_page(),
        "reference/api.md": api_page(ROOT / "tem_rf"),
    }


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    for path, content in reference().items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Show formulas without scripts."""
    return _FORMULA.sub(_mathml, html)


def _mathml(formula: re.Match[str]) -> str:
    display = "inline" if formula[1] == "span" else "block"
    return str(convert(unescape(formula[2]).strip(), display=display))
