"""What a training ended with, in a form that two trainings can be compared by."""

import keras
import numpy as np

from tem_rf.runs import RunFolder
from tem_rf.runs.events import EpochEvent


def final_state(run: RunFolder) -> dict[str, bytes]:
    """Bytes of every variable in the newest checkpoint, and of the best weights."""
    newest = sorted(run.checkpoint_folder.glob("*.npz"))[-1]
    with np.load(newest) as file:
        state = {name: file[name].tobytes() for name in file.files}
    model = keras.saving.load_model(run.model_file)
    return state | {f"best/{weight.path}": np.asarray(weight).tobytes() for weight in model.weights}


def without_times(events: list[EpochEvent]) -> list[dict[str, object]]:
    measured = {"time", "patches_per_s", "duration_s", "input_wait", "memory_mb"}
    return [event.model_dump(exclude=measured) for event in events]
