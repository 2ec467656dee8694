"""The page of the public API; mkdocstrings reads the docstrings when the page is rendered."""

import ast
from pathlib import Path

from docs.reference_pages.markdown import section

# What the functions take and give, beside the names of `tem_rf` itself.
_TYPES = (
    "tem_rf.architecture.receptive_field.ReceptiveField",
    "tem_rf.data.prepared.PreparedDataset",
    "tem_rf.runs.folder.RunFolder",
    "tem_rf.inference.results.SegmentedFile",
    "tem_rf.inference.card.ModelCard",
)


def api_page(package: Path) -> str:
    """Everything that `tem_rf` exports, what it takes and gives, and its errors.

    Args:
        package: Folder of the package.
    """
    homes = public_names(package)
    return "\n\n".join(
        [
            "# Python API",
            "Generated from the docstrings. The names of `tem_rf` are imported on first use, so that "
            "`import tem_rf` costs nothing.",
            section(2, "tem_rf"),
            *(_directive(homes[name]) for name in sorted(homes, key=str.lower)),
            section(2, "What they take and give"),
            *map(_directive, _TYPES),
            section(2, "Errors"),
            _directive("tem_rf.errors"),
            "",
        ]
    )


def public_names(package: Path) -> dict[str, str]:
    """What `tem_rf/__init__.py` imports for type checkers: its public names, and where each is at home."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tem_rf.")
        for alias in node.names
    }


def _directive(path: str) -> str:
    return f"::: {path}"
