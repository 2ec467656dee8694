"""A trained network that is ready for new micrographs, from a run or from an exported model."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.errors import ModelError
from tem_rf.inference.card import CARD_NAME, ModelCard
from tem_rf.receptive_field.architecture import Architecture
from tem_rf.runs.folder import RunFolder

_GRAPH = "saved_model.pb"

Logits = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Segmenter:
    """A network with what it needs to know about micrographs.

    Attributes:
        name: Name of the run or the model.
        architecture: Its architecture.
        preprocessing: What is done to raw counts before they reach the network.
        pixel_size_nm: Side of a pixel it was trained at [nm]; None where the dataset had none.
        logits: Maps (n, h, w, 1) float32, h and w divisible by the stride, to (n, h, w, 2) logits.
        sha256: Of its weights: two segmenters with the same one give the same masks.
    """

    name: str
    architecture: Architecture
    preprocessing: PreprocessingSettings
    pixel_size_nm: float | None
    logits: Logits
    sha256: str


def load_segmenter(path: Path) -> Segmenter:
    """Load a run folder or an exported model; nothing in either is executed but TensorFlow's own operations.

    Raises:
        ModelError: The folder holds neither, or its network cannot be read.
        RunError: The run is of another schema version.
    """
    if (path / CARD_NAME).exists():
        return _from_export(path)
    run = RunFolder(path)
    if run.config_file.exists():
        return _from_run(run)
    if (path / _GRAPH).exists():
        raise ModelError(
            f"{path}: a SavedModel without {CARD_NAME}, which says what it expects; another program made it, "
            "export a run with `tem-rf export`."
        )
    raise ModelError(f"{path}: holds neither a run nor an exported model; see `tem-rf runs` and `tem-rf export`.")


def _from_run(run: RunFolder) -> Segmenter:
    from tem_rf.models.trained import load_network

    config = run.config
    model = load_network(run)
    return Segmenter(
        name=run.name,
        architecture=config.architecture,
        preprocessing=config.preprocessing,
        pixel_size_nm=config.pixel_size_nm,
        logits=lambda images: np.asarray(model(images, training=False)),
        sha256=_sha256([run.model_file]),
    )


def _from_export(path: Path) -> Segmenter:
    card = ModelCard.read(path)
    model = _load_saved_model(path)
    if not hasattr(model, "logits"):
        raise ModelError(f"{path}: has no endpoint `logits`, so tem-rf did not write it; export the run again.")
    return Segmenter(
        name=card.name,
        architecture=card.architecture,
        preprocessing=card.preprocessing,
        pixel_size_nm=card.pixel_size_nm,
        logits=lambda images: model.logits(images).numpy(),
        sha256=_sha256([path / CARD_NAME, path / _GRAPH, *sorted((path / "variables").iterdir())]),
    )


def _load_saved_model(path: Path) -> Any:
    import tensorflow as tf

    try:
        return tf.saved_model.load(path)
    except Exception as error:  # TensorFlow raises many kinds for a damaged folder
        raise ModelError(
            f"{path}: TensorFlow cannot load it ({str(error).splitlines()[0]}); export the run again."
        ) from error


def _sha256(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
