"""Write the folder of an exported model: the network in one or more formats, `model.json`, and README.md."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from tem_rf.errors import ModelError
from tem_rf.exporting.bioimageio import write_bioimageio
from tem_rf.exporting.card_page import PAGE_NAME, card_page
from tem_rf.exporting.formats import BIOIMAGEIO, KERAS, LITERT, ONNX, SAVED_MODEL, ExportFormat, require_packages
from tem_rf.exporting.portable import write_keras, write_litert, write_onnx
from tem_rf.exporting.saved_model import write_saved_model
from tem_rf.files import replacing_folder, write_json, write_text
from tem_rf.inference.card import ModelCard, ModelFile
from tem_rf.inference.model import trust_record, weights_digest
from tem_rf.models.ensemble import member_networks
from tem_rf.plots.robustness import ROBUSTNESS, write_robustness
from tem_rf.saved_models import CARD_NAME
from tem_rf.trust.record import TrustRecord

_WRITERS: dict[ExportFormat, Callable[[keras.Model, ModelCard, Path], None]] = {
    SAVED_MODEL: write_saved_model,
    KERAS: write_keras,
    ONNX: write_onnx,
    LITERT: write_litert,
    BIOIMAGEIO: write_bioimageio,
}


def write_model_folder(
    model: keras.Model,
    card: ModelCard,
    output: Path,
    formats: Sequence[ExportFormat] = (SAVED_MODEL,),
    *,
    source: Path | None = None,
) -> ModelCard:
    """Write a network and its card, so that all files in the folder contain the same weights.

    Args:
        model: The network.
        card: Its model card.
        output: Folder to write, completely or not at all; existing content is replaced.
        formats: Formats to write.
        source: Folder of the run or model that the network is from. Its record of when to trust the masks is kept, or
            else that in the output folder, if it is of these weights.

    Returns:
        The card with the input and output of each file.

    Raises:
        ModelError: Keras uses a backend other than TensorFlow, or a format needs packages that are not installed.
        StorageError: The disk is full or the folder is not writable.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ModelError(
            f"{output}: a SavedModel needs the TensorFlow backend, but KERAS_BACKEND is {backend}; run the same "
            "command with KERAS_BACKEND=tensorflow, which reads runs of any backend."
        )
    for one in formats:
        require_packages(one)
    files = [
        ModelFile(format=one.name, file=one.file, takes=one.takes, gives=one.outputs_of(card.architecture))
        for one in formats
    ]
    card = card.model_copy(update={"files": files})
    trust = _record_of(model, card, [folder for folder in (source, output) if folder is not None])
    with replacing_folder(output) as beside:
        for one in formats:
            _WRITERS[one](model, card, beside)
        write_json(beside / CARD_NAME, card.to_json())
        picture = ROBUSTNESS if trust is not None and trust.maps else ""
        if trust is not None:
            trust.write(beside)
            if picture:
                write_robustness(beside / picture, [(card.name, trust.maps)])
        write_text(beside / PAGE_NAME, card_page(card, trust, picture))
    return card


def _record_of(model: keras.Model, card: ModelCard, folders: Sequence[Path]) -> TrustRecord | None:
    """The record of when to trust the masks of a network, from the first of the folders that has it."""
    networks = [model]
    if card.members > 1:
        networks = member_networks(
            {weight.path: np.asarray(weight) for weight in model.weights}, card.architecture, card.members
        )
    digest = weights_digest(networks)
    return next((record for folder in folders if (record := trust_record(folder, digest)) is not None), None)
