"""Where saved models are: the user's, and those that ship."""

from pathlib import Path

CARD_NAME = "model.json"
"""The file in a saved model that says what it is and what it expects."""

MODELS = Path("saved_models")
_INSTALLED = Path(__file__).parent / "shipped_models"  # see setup.py
SHIPPED_MODELS = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1] / MODELS
"""In an installed package they are part of it; in a checkout they are a folder of the repository."""


def models_in(folder: Path) -> list[Path]:
    """The saved models of a folder, by name; none where there is no such folder."""
    return sorted(path.parent for path in folder.glob(f"*/{CARD_NAME}"))


def models_or_shipped(models: Path = MODELS) -> Path:
    """The folder of models to choose from; where that of the default name holds none, those that ship."""
    return SHIPPED_MODELS if models == MODELS and not models_in(models) else models
