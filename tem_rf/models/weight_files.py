"""Weight files read without loading a model, and rejected if too small for their architecture."""

from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.errors import ModelError

_BYTES_PER_WEIGHT = 4  # float32, stored uncompressed


def require_room_for(architecture: Architecture, stored_bytes: int, path: Path) -> None:
    """Reject a network larger than its weight file, before it is built.

    Args:
        architecture: The architecture that the file claims.
        stored_bytes: Size of the file, or files, of its weights.
        path: The file, for the error.

    Raises:
        ModelError: The file is too small for the network.

    >>> require_room_for(Architecture((2, 2)), 40_000, Path("model.keras"))
    """
    wanted = architecture.parameters * _BYTES_PER_WEIGHT
    if wanted > stored_bytes:
        raise ModelError(
            f"{path}: contains {stored_bytes} bytes of weights, but its network of {architecture.parameters} "
            f"parameters needs {wanted}; it is damaged or mislabelled, download or copy it again."
        )


_NAMES = "_CHECKPOINTABLE_OBJECT_GRAPH"


def variable_files(folder: Path) -> list[Path]:
    """The checkpoint files in the folder of a SavedModel."""
    return sorted(file for file in (folder / "variables").glob("variables.*") if file.is_file())


def read_variables(folder: Path) -> dict[str, np.ndarray]:
    """Read the variables of a SavedModel by name.

    Args:
        folder: Folder of the SavedModel.

    Returns:
        Arrays by variable name, such as encoder0_conv1/kernel.

    Raises:
        ModelError: The checkpoint is missing or damaged, or claims more than its files contain.
    """
    import tensorflow as tf

    stored_bytes = sum(file.stat().st_size for file in variable_files(folder))
    try:
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
        keys = _keys_by_name(reader.get_tensor(_NAMES) if shapes.get(_NAMES) == [] else b"")
        values = {}
        for name, key in keys.items():
            claimed = int(np.prod(shapes[key], dtype=object)) * dtypes[key].size
            if claimed > stored_bytes:
                raise ModelError(f"{folder}: {name} claims {claimed} bytes, but its files contain {stored_bytes}.")
            values[name] = reader.get_tensor(key)
    except ModelError:
        raise
    except Exception as error:  # TensorFlow raises many types for a damaged folder
        raise ModelError(
            f"{folder}: its variables cannot be read ({str(error).splitlines()[0]}); export the run again."
        ) from error
    return values


def _keys_by_name(graph: Any) -> dict[str, str]:
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    nodes = TrackableObjectGraph.FromString(graph).nodes
    return {
        attribute.full_name: attribute.checkpoint_key
        for node in nodes
        for attribute in node.attributes
        if attribute.full_name
    }
