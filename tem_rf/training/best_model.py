"""`model.keras`: the network with the best validation hard dice so far."""

import keras
import numpy as np

from tem_rf.files import replacing_file
from tem_rf.models.unet import build_unet
from tem_rf.runs.folder import RunFolder


def save_model(run: RunFolder, model: keras.Model) -> None:
    """Write `model.keras`, made of Keras' own layers only, so that it opens without tem-rf; old scores go.

    Raises:
        DiskFullError: There is no room on the disk; the model before stands.
    """
    portable = build_unet(run.config.architecture, portable=True)
    portable.set_weights([np.asarray(weight) for weight in model.weights])
    with replacing_file(run.model_file) as beside:
        portable.save(beside)
        run.forget_scores()
    run.forget_scores()  # once more: an evaluation may have written those of the network before in between
