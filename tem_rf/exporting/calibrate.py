"""Calibrate the probabilities of an exported model on labelled micrographs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tem_rf.data.pixels import resample_mask
from tem_rf.data.sources import find_pairs, read_labelled
from tem_rf.exporting.folder import write_model_folder
from tem_rf.exporting.formats import formats_in
from tem_rf.inference.card import CalibrationNote, ModelCard
from tem_rf.inference.model import Segmenter, load_exported_networks, load_segmenter
from tem_rf.inference.predict import segment_micrograph
from tem_rf.metrics.calibration import UNCALIBRATED, MarginHistogram
from tem_rf.models.ensemble import build_ensemble
from tem_rf.models.probability import margin_of


def calibrate_model(
    model: Path, labelled: Sequence[Path], output: Path, *, on_step: Callable[[str], None] = lambda what: None
) -> ModelCard:
    """Fit a temperature to a model, and write the model with it in all its formats.

    Args:
        model: Folder of an exported model.
        labelled: Folders with labelled micrographs that the model was not trained on.
        output: Folder to write, completely or not at all; may be that of the model.
        on_step: Called with the next step.

    Returns:
        The card of the model that was written.

    Raises:
        ModelError: The folder contains no exported model, or it cannot be read.
        DatasetError: A folder of micrographs is missing or empty, or a file has no partner.
        ReadError: A file cannot be read.
        StorageError: The disk is full or the folder is not writable.
    """
    card = ModelCard.read(model)
    segmenter = replace(load_segmenter(model), temperature=UNCALIBRATED)
    histogram, images = MarginHistogram(), 0
    for folder in labelled:
        on_step(f"segmenting {folder.name}")
        images += _add_micrographs(histogram, segmenter, folder)
    temperature = histogram.fit_temperature()
    note = CalibrationNote(
        temperature=temperature,
        images=images,
        fitted_on=f"micrographs of {', '.join(folder.name for folder in labelled)}",
        error_before=histogram.reliability().error,
        error_after=histogram.reliability(temperature).error,
    )
    on_step(f"writing {output}")
    networks = load_exported_networks(model, card.architecture, card.members)
    network = networks[0] if card.members == 1 else build_ensemble(networks)
    card = card.model_copy(update={"calibration": note, "name": output.name})
    return write_model_folder(network, card, output, formats_in(model), source=model)


def _add_micrographs(histogram: MarginHistogram, segmenter: Segmenter, folder: Path) -> int:
    """Add the pixels of the micrographs in a folder, segmented like those of a user, and return their number."""
    count = 0
    for pair in find_pairs(folder, None):
        for labelled in read_labelled(pair, None):
            margins = margin_of(segment_micrograph(segmenter, labelled.micrograph).probability)
            # A network that rescales returns a rescaled image.
            unsure = None if labelled.unsure is None else resample_mask(labelled.unsure, margins.shape)
            histogram.add(margins, resample_mask(labelled.mask, margins.shape), unsure)
            count += 1
    return count
