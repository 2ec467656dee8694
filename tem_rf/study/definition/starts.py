"""The models that the trainings of a study start from: names, paths, and the networks that can start from them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.runs.folder import dataset_in_names
from tem_rf.runs.root import DEFAULT_ROOT

if TYPE_CHECKING:
    from tem_rf.training.starting_point import StartingPoint

SCRATCH = "none"
"""The value in `start_from` for initial weights by the seed."""

_FILES = (".keras", ".tflite", ".h5", ".pt", ".pth")


def start_in_names(start: str) -> str:
    """Name of a model for use in run names.

    >>> [start_in_names(start) for start in ("au-hrtem", "runs/my run/model.keras", "published/au 5.h5")]
    ['au-hrtem', 'my-run', 'au-5']
    """
    path = Path(os.path.normpath(start))
    if path.name == "model.keras" and path.parent.name:
        path = path.parent
    return dataset_in_names(path.with_suffix("") if path.suffix in _FILES else path)


def start_seen_from(start: str, folder: Path) -> str:
    """A path in a definition relative to the folder of its file; the name of a model or a run stays a name."""
    is_path = "/" in start or "\\" in start or Path(start).suffix in _FILES
    return os.path.normpath((folder / start).absolute()) if is_path else start


def find_start(name: str | None) -> "StartingPoint | None":
    """Find the model that a setup starts from, without loading Keras; None: from scratch.

    Args:
        name: `start_from` of the setup.

    Raises:
        ModelError: There is none, or it is damaged.
        ReadError: The PyTorch file is damaged.
        RunError: The run cannot be read.
    """
    if name is None:
        return None
    from tem_rf.training.starting_point import find_starting_point

    return find_starting_point(name, DEFAULT_ROOT)
