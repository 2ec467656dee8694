"""Networks of the included models without TensorFlow, whose start takes longer than a few images.

ONNX Runtime starts in a tenth of the time and takes 1.3 times as long per image (docs/experiments.md, "Segmentation:
the start"). Only files that ship with tem-rf are run: those in other folders may come from anywhere.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_rf.models.weight_files import variable_files
from tem_rf.saved_models import SHIPPED_MODELS

LIGHT_NAME = "network.onnx"
"""The file in an included model that holds its network for ONNX Runtime."""
VARIABLES, WEIGHTS = "variables_sha256", "weights_sha256"
"""What the file says about the network: `variables_sha256` of its folder, and `model.weights_digest`."""


@dataclass(frozen=True)
class LightNetwork:
    """A network in ONNX Runtime.

    Attributes:
        logits: Maps (n, h, w, 1) float32, h and w divisible by the stride, to (n, h, w, 2) logits.
        weights_sha256: Digest of its weights.
    """

    logits: Callable[[np.ndarray], np.ndarray]
    weights_sha256: str


def has_light_network(folder: Path) -> bool:
    """Whether a model is an included one with a network for ONNX Runtime."""
    is_included = folder.resolve().parent == SHIPPED_MODELS.resolve()
    return is_included and (folder / LIGHT_NAME).is_file()


def load_light_network(folder: Path) -> LightNetwork | None:
    """Load a network for ONNX Runtime; None if there is none, or if it is not that of the folder's variables."""
    if not has_light_network(folder):
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that wait without pausing would take the processor from those that measure and write.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = (folder / LIGHT_NAME).read_bytes()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    if metadata.get(VARIABLES) != variables_sha256(folder):
        return None
    name = session.get_inputs()[0].name

    def logits(images: np.ndarray) -> np.ndarray:
        try:
            return session.run(None, {name: images})[0]
        except RuntimeError as error:
            if "allocate memory" in str(error):
                raise MemoryError(str(error)) from error
            raise

    return LightNetwork(logits, metadata[WEIGHTS])


def variables_sha256(folder: Path) -> str:
    """Checksum of the variables of an exported model."""
    digest = hashlib.sha256()
    for file in variable_files(folder):
        digest.update(file.read_bytes())
    return digest.hexdigest()
