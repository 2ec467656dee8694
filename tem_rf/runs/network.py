"""The network of a run, with its best weights or those that it starts from."""

import shlex
import warnings
from pathlib import Path

import keras
import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.errors import ModelError
from tem_rf.files import replacing_file
from tem_rf.models.unet import build_unet
from tem_rf.models.weight_files import require_room_for
from tem_rf.runs.folder import RunFolder


def load_network(run: RunFolder) -> keras.Model:
    """Build the network of a run and load the weights of `model.keras`.

    The architecture comes from `config.json`, and only arrays are read from the model file, so no code in it is
    executed.

    Raises:
        ModelError: The run has not completed an epoch, or its model file is damaged or of another architecture.
    """
    resuming = f"tem-rf resume {shlex.quote(str(run.path))}"
    if not run.model_file.exists():
        raise ModelError(f"{run.path}: has no trained network yet; continue with `{resuming}`.")
    return read_keras_file(run.model_file, run.config.architecture, advice=f"`{resuming}` trains it again")


def load_start(run: RunFolder) -> keras.Model:
    """Build the network of a run with the weights that its training starts from.

    Raises:
        ModelError: `start.keras` is missing, damaged or of another architecture.
    """
    advice = "repeat the `tem-rf train` command that made the run"
    if not run.start_file.exists():
        raise ModelError(f"{run.start_file}: is missing; {advice}.")
    return read_keras_file(run.start_file, run.config.architecture, advice=f"delete it and {advice}")


def save_start(run: RunFolder, model: keras.Model) -> None:
    """Write `start.keras`, made of Keras' own layers only. Layers that only the run has keep their initial weights.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    config = run.config
    start = build_unet(config.architecture, seed=config.seed, portable=True)
    trained = {weight.path: weight for weight in model.weights}
    for weight in start.weights:
        if weight.path in trained:
            weight.assign(np.asarray(trained[weight.path]))
    with replacing_file(run.start_file) as beside:
        start.save(beside)


def portable_copy(model: keras.Model, architecture: Architecture) -> keras.Model:
    """The same network of Keras' own layers only, which opens without tem-rf."""
    portable = build_unet(architecture, portable=True)
    portable.set_weights([np.asarray(weight) for weight in model.weights])
    return portable


def read_keras_file(file: Path, architecture: Architecture, *, advice: str) -> keras.Model:
    """Build a network and give it the weights of a `.keras` file; only arrays are taken from the file.

    Args:
        file: File to read.
        architecture: Of the network.
        advice: What to do where it cannot be read.

    Raises:
        ModelError: The file is damaged or of another architecture.
    """
    require_room_for(architecture, file.stat().st_size, file)
    saved = build_unet(architecture, portable=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras warns where layers would keep their initial weights
            saved.load_weights(file)
    except Exception as error:  # h5py, zipfile and Keras each raise their own kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{file}: cannot be read as {architecture.name} ({reason}); {advice}.") from error
    model = build_unet(architecture)
    model.set_weights(saved.get_weights())
    return model
