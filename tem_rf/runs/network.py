"""Load the network of a run with its best weights."""

import shlex
import warnings

import keras

from tem_rf.errors import ModelError
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
    config = run.config
    resuming = f"tem-rf resume {shlex.quote(str(run.path))}"
    if not run.model_file.exists():
        raise ModelError(f"{run.path}: has no trained network yet; resume the training with `{resuming}`.")
    require_room_for(config.architecture, run.model_file.stat().st_size, run.model_file)
    saved = build_unet(config.architecture, portable=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns if layers keep their initial weights
            saved.load_weights(run.model_file)
    except Exception as error:  # h5py, zipfile and Keras each raise different types
        raise ModelError(
            f"{run.model_file}: cannot be read as {config.architecture.name} ({str(error).splitlines()[0]}); "
            f"`{resuming}` repeats the training."
        ) from error
    model = build_unet(config.architecture)
    model.set_weights(saved.get_weights())
    return model
