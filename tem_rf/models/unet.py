"""The residual UNet of the study, for any architecture."""

import keras

from tem_rf.models.blocks import convolution, residual_block, upsampling
from tem_rf.models.initialization import initialize
from tem_rf.receptive_field.architecture import Architecture
from tem_rf.receptive_field.layers import CLASSES


def build_unet(architecture: Architecture, *, seed: int = 0, portable: bool = False) -> keras.Model:
    """Build a residual UNet.

    Args:
        architecture: What to build.
        seed: Seed of the initial weights; one seed gives architectures of one depth identical weights.
        portable: Use Keras' own layers only. The weights are the same, in the same order; training is slower.

    Returns:
        Model that maps (n, h, w, 1) float32 to (n, h, w, 2) float32 logits, background first; h and w are any
        multiples of `architecture.stride`.

    Source: Sytwu et al. 2022, figure 1.
    """

    def block(x: keras.KerasTensor, place: str, level: int) -> keras.KerasTensor:
        return residual_block(x, architecture, level, name=place, portable=portable)

    pool = keras.layers.MaxPooling2D if architecture.pooling == "max" else keras.layers.AveragePooling2D
    inputs = x = keras.Input((None, None, 1), name="micrograph")
    skips = []
    for level, pooling in enumerate(architecture.pooling_sequence):
        x = block(x, f"encoder{level}", level)
        skips.append(x)
        x = pool(pooling, name=f"encoder{level}_pool")(x)  # (n, h, w, f) -> (n, h/k, w/k, f)
    x = block(x, "bottleneck", architecture.depth)
    for level in reversed(range(architecture.depth)):
        factor = architecture.pooling_sequence[level]
        x = upsampling(architecture.upsampling, factor, f"decoder{level}_upsample", portable=portable)(x)
        x = keras.layers.Concatenate(name=f"decoder{level}_concatenate")([skips[level], x])
        x = block(x, f"decoder{level}", level)
    logits = convolution(x, CLASSES, 1, name="head")
    # Whatever the precision of the layers, logits are float32: a softmax of bfloat16 would quantize the dice.
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(logits)
    model = keras.Model(inputs, logits, name=architecture.name)
    initialize(model, seed)
    return model
