"""Which of the saved models fits a micrograph."""

import math
from pathlib import Path

from tem_rf.data.formats.recording import Wanted
from tem_rf.data.readers import open_recording
from tem_rf.errors import ModelError
from tem_rf.inference.card import ModelCard
from tem_rf.inference.segment import PIXEL_SIZE_TOLERANCE
from tem_rf.saved_models import models_in


def choose_model(
    file: Path,
    models: Path,
    *,
    pixel_size_nm: float | None = None,
    rescale: bool = False,
    array: str | None = None,
) -> Path:
    """The model whose pixel size is nearest to that of a micrograph.

    Args:
        file: The micrograph.
        models: Folder of exported models.
        pixel_size_nm: Side of a pixel [nm], in place of what the file says.
        rescale: The micrograph will be brought to the model's pixel size, so that any fits.
        array: Which array of the file is meant, where it holds several.

    Raises:
        ModelError: No model fits, or it cannot be told which one does.
        ReadError: The file cannot be read.
    """
    here = pixel_size_nm or _pixel_size_nm(file, array)
    if here is None:
        raise ModelError(
            f"{file}: says no pixel size, by which a model could be chosen; give --pixel-size-nm, or name a model by "
            "--model."
        )
    cards = {path: card for path in models_in(models) if (card := _readable_card(path)) is not None}
    sizes = {path: card.pixel_size_nm for path, card in cards.items() if card.pixel_size_nm is not None}
    if not sizes:
        raise ModelError(
            f"{models}: holds no model with a pixel size; make one with `tem-rf export`, or name one by --model."
        )
    nearest = min(sizes, key=lambda path: abs(math.log(sizes[path] / here)))
    ratio = max(sizes[nearest] / here, here / sizes[nearest])
    rescales = rescale or cards[nearest].preprocessing.target_pixel_size_nm is not None
    if ratio > PIXEL_SIZE_TOLERANCE and not rescales:
        known = ", ".join(f"{path.name} at {size:g}" for path, size in sizes.items())
        raise ModelError(
            f"{file}: has {here:g} nm/px, and no model in {models} was trained near it ({known} nm/px); add --rescale, "
            "or name one by --model."
        )
    return nearest


def _pixel_size_nm(file: Path, array: str | None) -> float | None:
    with open_recording(file, Wanted(array)) as recording:
        return recording.pixel_sides_nm and recording.pixel_sides_nm[1]


def _readable_card(folder: Path) -> ModelCard | None:
    """None for the card of another version, which is no reason not to choose another model."""
    try:
        return ModelCard.read(folder)
    except ModelError:
        return None
