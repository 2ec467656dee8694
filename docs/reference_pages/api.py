"""The page of the Python API; mkdocstrings inserts the docstrings when the page is rendered."""

import ast
from pathlib import Path

from docs.reference_pages.markdown import section

# Types of arguments and return values that `tem_rf` does not export itself.
_TYPES = (
    "tem_rf.architecture.receptive_field.ReceptiveField",
    "tem_rf.data.prepared.PreparedDataset",
    "tem_rf.runs.folder.RunFolder",
    "tem_rf.inference.results.SegmentedFile",
    "tem_rf.inference.card.ModelCard",
)


def api_page(package: Path) -> str:
    """Return the page: everything that `tem_rf` exports, its types and its errors.

    Args:
        package: Folder of the package.
    """
    homes = public_names(package)
    return "\n\n".join(
        [
            "# Python API",
            "Generated from the docstrings. The functions of `tem_rf` are imported on first use, so `import tem_rf` "
            "is fast.",
            section(2, "tem_rf"),
            *(_directive(homes[name]) for name in sorted(homes, key=str.lower)),
            section(2, "Arguments and return values"),
            *map(_directive, _TYPES),
            section(2, "Errors"),
            _directive("tem_rf.errors"),
            "",
        ]
    )


def public_names(package: Path) -> dict[str, str]:
    """Return the public names that `tem_rf/__init__.py` imports for type checkers, and where each is defined."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tem_rf.")
        for alias in node.names
        if not alias.name.startswith("_")
    }


def _directive(path: str) -> str:
    return f"::: {path}"
