"""The variables of a SavedModel, without loading it.

TensorFlow runs parts of the graph of a SavedModel as it loads it, and a graph may read and write files. Its variables
stand beside it in a checkpoint, which is a table of arrays, together with the names they had.
"""

from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.errors import ModelError

_NAMES = "_CHECKPOINTABLE_OBJECT_GRAPH"


def variable_files(folder: Path) -> list[Path]:
    """The files of the checkpoint in the folder of a SavedModel."""
    return sorted(file for file in (folder / "variables").glob("variables.*") if file.is_file())


def read_variables(folder: Path) -> dict[str, np.ndarray]:
    """Read the variables of a SavedModel by their names.

    Args:
        folder: Of the SavedModel.

    Returns:
        Arrays by the name of their variable, such as encoder0_conv1/kernel.

    Raises:
        ModelError: The checkpoint is missing or damaged, or claims more than its files hold.
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
                raise ModelError(f"{folder}: {name} claims {claimed} bytes, its files hold {stored_bytes}.")
            values[name] = reader.get_tensor(key)
    except ModelError:
        raise
    except Exception as error:  # TensorFlow raises many kinds for a damaged folder
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
