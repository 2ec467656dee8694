"""Write the networks of included models for ONNX Runtime: python -m tools.write_light_networks [MODEL ...]."""

import sys
from pathlib import Path

from tem_rf.files import replacing_file
from tem_rf.inference.card import ModelCard
from tem_rf.inference.light_network import LIGHT_NAME, VARIABLES, WEIGHTS, variables_sha256
from tem_rf.inference.model import load_exported_network, weights_digest
from tem_rf.models.backend import import_keras
from tem_rf.saved_models import SHIPPED_MODELS, models_in

OPSET = 17


def write_light_network(folder: Path) -> None:
    """Write the network of an exported model as tem-rf runs it on a CPU, merged and folded, for ONNX Runtime."""
    import_keras()
    import tf2onnx

    from tem_rf.models.merging import inference_function

    card = ModelCard.read(folder)
    network = load_exported_network(folder, card.architecture)
    function = inference_function(network, card.architecture)
    content, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=OPSET)
    for key, value in ((VARIABLES, variables_sha256(folder)), (WEIGHTS, weights_digest([network]))):
        content.metadata_props.add(key=key, value=value)
    with replacing_file(folder / LIGHT_NAME) as beside:
        beside.write_bytes(content.SerializeToString())


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]) if sys.argv[1:] else models_in(SHIPPED_MODELS):
        write_light_network(folder)
        print(f"{folder / LIGHT_NAME}: {(folder / LIGHT_NAME).stat().st_size} bytes")
