"""Locations of saved models: the user's, and those shipped with the package."""

import math
from collections.abc import Mapping
from pathlib import Path

from tem_rf.errors import ModelError

CARD_NAME = "model.json"
"""The file in a saved model that describes the model and its expected input."""

MODELS = Path("saved_models")
_INSTALLED = Path(__file__).parent / "shipped_models"  # see setup.py
SHIPPED_MODELS = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1] / MODELS
"""Part of the package when installed; a folder of the repository in a checkout."""


def models_in(folder: Path) -> list[Path]:
    """The saved models in a folder, sorted by name; none if the folder does not exist."""
    return sorted(path.parent for path in folder.glob(f"*/{CARD_NAME}"))


def closest_model(sizes: Mapping[Path, float], pixel_size_nm: float) -> Path:
    """The model whose pixel size is closest to another as a factor.

    Args:
        sizes: Pixel size [nm] by the folder of the model; at least one.
        pixel_size_nm: Pixel size of a micrograph [nm].

    >>> closest_model({Path("a"): 0.01, Path("b"): 0.03}, 0.018).name  # 1.8 and 1.7 times
    'b'
    """
    return min(sizes, key=lambda model: abs(math.log(sizes[model] / pixel_size_nm)))


def models_or_shipped(models: Path = MODELS) -> Path:
    """The folder of models to choose from. The included models, if the default folder holds none."""
    return SHIPPED_MODELS if models == MODELS and not models_in(models) else models


def refuse_foreign_folder(output: Path, *, overwrite: bool) -> None:
    """Refuse to export over files that are not an exported model; a model is replaced by an export of the same name.

    Args:
        output: Folder the model will be written to.
        overwrite: Whether the content of that folder may be overwritten.

    Raises:
        ModelError: The folder contains something else, or the path is not a folder.
    """
    if not output.exists():
        return
    if not output.is_dir():
        raise ModelError(f"{output}: expected a folder to export to, received a file; choose another `output`.")
    if not overwrite and not (output / CARD_NAME).exists() and any(output.iterdir()):
        raise ModelError(
            f"{output}: is not empty and contains no exported model; choose another `output`, or add `overwrite`."
        )
