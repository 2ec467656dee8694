"""A network as a SavedModel that takes raw counts."""

from pathlib import Path
from typing import Any

import keras

from tem_rf.export.serving import CountsToProbability
from tem_rf.inference.card import ModelCard


def write_saved_model(model: keras.Model, card: ModelCard, folder: Path) -> None:
    """Write a SavedModel with two endpoints.

    `serve` takes raw counts (n, h, w) float32 of any height and width and returns `probability` (n, h, w) float32 and
    `mask` (n, h, w) uint8; normalization, padding to the stride and cropping happen inside. `logits` takes normalized
    images (n, h, w, 1), h and w divisible by the stride.

    Args:
        model: The network.
        card: Says stride and preprocessing.
        folder: Where to write.
    """
    import tensorflow as tf

    serving = CountsToProbability(model, card.stride_px, card.preprocessing)

    def serve(counts: Any) -> dict[str, Any]:
        probability = tf.squeeze(serving(counts)["probability"], -1)
        return {"probability": probability, "mask": tf.cast(probability > 0.5, tf.uint8)}

    def logits(images: Any) -> Any:
        return model(images, training=False)

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve, input_signature=[tf.TensorSpec((None, None, None), tf.float32, name="counts")])
    archive.add_endpoint(
        "logits", logits, input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32, name="images")]
    )
    archive.write_out(str(folder), verbose=False)
