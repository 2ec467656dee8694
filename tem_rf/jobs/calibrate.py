"""Calibrate the probabilities of a saved model."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tem_rf.config.marks import Flags, Positional
from tem_rf.errors import ModelError
from tem_rf.jobs.request import Request
from tem_rf.saved_models import CARD_NAME, MODELS, refuse_foreign_folder

if TYPE_CHECKING:
    from tem_rf.inference.card import ModelCard


class CalibrateRequest(Request):
    """A saved model and the labelled micrographs to calibrate its probabilities on."""

    command = ("calibrate",)

    model: Annotated[str, Positional()] = Field(description="Name or folder of a saved or included model.")
    labelled: Annotated[tuple[Path, ...], Positional()] = Field(
        min_length=1,
        description="Folders of labelled micrographs that the model was not trained on, each with images/ and labels/.",
    )
    output: Annotated[Path | None, Flags("output", "o")] = Field(
        None, description=f"Folder to write; default: {MODELS}/NAME of the model, which is overwritten."
    )


def calibrate(
    request: CalibrateRequest, *, on_step: Callable[[str], None] = lambda what: None
) -> "tuple[Path, ModelCard]":
    """Fit the temperature of a saved model on labelled micrographs, and write the model with it.

    Args:
        request: The model and the micrographs.
        on_step: Called with the current step.

    Returns:
        The folder that was written, and the card of the model.

    Raises:
        ModelError: There is no such model, or the output folder contains something else.
        DatasetError: A folder of micrographs is missing or empty, or a file has no partner.
        ReadError: A file cannot be read.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.data.sources import find_pairs
    from tem_rf.inference.model_choice import model_folder
    from tem_rf.runs.root import DEFAULT_ROOT

    model = model_folder(request.model, DEFAULT_ROOT)
    if not (model / CARD_NAME).exists():
        raise ModelError(
            f"{model}: is not an exported model. The temperature of a run is fitted on its validation images by "
            "`tem-rf evaluate` and `tem-rf export`."
        )
    output = request.output or MODELS / model.name
    refuse_foreign_folder(output, overwrite=False)
    for folder in request.labelled:
        find_pairs(folder, None)  # validate before loading the network
    from tem_rf.models.backend import import_keras

    import_keras()
    from tem_rf.exporting.calibrate import calibrate_model

    return output, calibrate_model(model, request.labelled, output, on_step=on_step)
