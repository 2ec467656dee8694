"""The study's published networks: read architecture and weights from their PyTorch files."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.architecture.shape import Pooling, Upsampling
from tem_rf.config.preparation import Normalization
from tem_rf.errors import ArchitectureError, ReadError
from tem_rf.models.pytorch_pickle import Module, PickledNetwork, read_pickled_network

_POOLINGS: dict[str, Pooling] = {"MaxPool2d": "max", "AvgPool2d": "average"}
_EPSILON = 1e-5
_STUDY_DEPTHS = (2, 3)
_PARTS = ("down", "pool", "up", "upsample")  # names in the files


@dataclass(frozen=True)
class PublishedNetwork:
    """A network as published by its authors.

    Attributes:
        architecture: From the layers in the file.
        weights: Arrays by layer and weight of `build_unet`, such as `encoder0_conv1/kernel`; kernels are
            (height, width, inputs, outputs).
        sha256: SHA-256 of the file.
    """

    architecture: Architecture
    weights: dict[str, np.ndarray]
    sha256: str


def read_published_network(path: Path) -> PublishedNetwork:
    """Read a network of Sytwu et al. 2022, or of their later work. Nothing in the file is executed.

    Args:
        path: PyTorch pickle of a whole module; the study's files have the suffix .h5, but are not HDF5.

    Raises:
        ReadError: The file is damaged, refers to anything but layers and tensors, or contains another kind of network.
    """
    pickled = read_pickled_network(path)
    try:
        unet = _unet(pickled.root)
        architecture = _architecture(unet)
        return PublishedNetwork(architecture, _weights(pickled, unet), pickled.sha256)
    except (ReadError, ArchitectureError) as error:
        raise ReadError(f"{path}: {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise ReadError(f"{path}: a layer has settings of a type that PyTorch does not write ({error}).") from error


def published_normalization(architecture: Architecture) -> Normalization:
    """What the authors did to images: those of the study are in [0, 1], those of the deeper later networks have sd 1.

    >>> published_normalization(Architecture((2, 2))), published_normalization(Architecture((2, 2, 2, 2)))
    ('min-max', 'standard')
    """
    return "min-max" if architecture.depth in _STUDY_DEPTHS else "standard"


@dataclass(frozen=True)
class _UNet:
    """The modules of a UNet, finest level first."""

    encoders: list[Module]
    poolings: list[Module]
    bottleneck: Module
    decoders: list[Module]
    upsamplings: list[Module]
    head: Module


def _unet(root: Module) -> _UNet:
    """Two layouts: lists with the deepest decoder first, or numbers from 1 at the finest level."""
    if "downs" in root.children():
        parts = {name: _sequence(root.child(f"{name}s"), "", 0) for name in _PARTS}
        parts["up"].reverse()
        parts["upsample"].reverse()
    else:
        parts = {name: _sequence(root, name, 1) for name in _PARTS}
    counts = [len(parts[name]) for name in _PARTS]
    if len(set(counts)) > 1:
        raise ReadError(f"has {counts} encoders, poolings, decoders and upsamplings, expected the same number of each.")
    encoders, poolings, decoders, upsamplings = (parts[name] for name in _PARTS)
    return _UNet(encoders, poolings, root.child("bottleneck"), decoders, upsamplings, root.child("final_conv"))


def _sequence(parent: Module, name: str, first: int) -> list[Module]:
    children: list[Module] = []
    while f"{name}{first + len(children)}" in parent.children():
        children.append(parent.child(f"{name}{first + len(children)}"))
    return children


def _architecture(unet: _UNet) -> Architecture:
    if not unet.encoders:
        raise ReadError("has no encoders; expected a UNet of the study.")
    blocks = [*unet.encoders, unet.bottleneck]
    poolings = tuple(map(_pooling_size, unet.poolings))
    architecture = Architecture(
        poolings,
        filter_sequence=tuple(block.child("conv1").setting("out_channels") for block in blocks),
        dilation_sequence=tuple(_only(block.child("conv1").setting("dilation")) for block in blocks),
        kernel_size=_only(blocks[0].child("conv1").setting("kernel_size")),
        convolutions_per_block=len(_sequence(blocks[0], "conv", 1)),
        pooling=_POOLINGS[_one_of(_POOLINGS, [pool.kind for pool in unet.poolings], "poolings")],
        upsampling=_one_of(get_args(Upsampling), [one.setting("mode") for one in unet.upsamplings], "upsamplings"),
    )
    for level, (one, size) in enumerate(zip(unet.upsamplings, poolings, strict=True)):
        _expect(f"upsampling {level}", "factor", one.setting("scale_factor"), size)
        if architecture.upsampling == "bilinear":
            _expect(f"upsampling {level}", "align_corners", bool(one.setting("align_corners")), False)
    for level, block in enumerate(blocks):
        _check_block(f"block {level}", block, architecture, level)
    for level, block in enumerate(unet.decoders):
        _check_block(f"decoder {level}", block, architecture, level)
    return architecture


def _check_block(place: str, block: Module, architecture: Architecture, level: int) -> None:
    """Check that a block computes the same as `residual_block`. Shapes are checked when weights are assigned."""
    for index, convolution in enumerate(_convolutions(block, architecture), start=1):
        dilation = architecture.dilation_sequence[level]
        expected = {
            "kernel_size": architecture.kernel_size,
            "dilation": dilation,
            "padding": dilation * (architecture.kernel_size // 2),
            "stride": 1,
        }
        for setting, value in expected.items():
            _expect(place, f"{setting} of conv{index}", _only(convolution.setting(setting)), value)
        _expect(place, f"groups of conv{index}", convolution.setting("groups"), 1)
        _expect(place, f"padding of conv{index}", convolution.setting("padding_mode", "zeros"), "zeros")
        _expect(place, f"epsilon of bn{index}", block.child(f"bn{index}").setting("eps"), _EPSILON)


def _weights(pickled: PickledNetwork, unet: _UNet) -> dict[str, np.ndarray]:
    named = {f"encoder{level}": block for level, block in enumerate(unet.encoders)}
    named |= {f"decoder{level}": block for level, block in enumerate(unet.decoders)}
    weights = _convolution_weights(pickled, unet.head, "head")
    for name, block in {**named, "bottleneck": unet.bottleneck}.items():
        for index in range(1, len(_sequence(block, "conv", 1)) + 1):
            weights |= _convolution_weights(pickled, block.child(f"conv{index}"), f"{name}_conv{index}")
            weights |= _normalization_weights(pickled, block.child(f"bn{index}"), f"{name}_bn{index}")
        weights |= _convolution_weights(pickled, block.child("conv_add"), f"{name}_skip")
    return weights


def _convolution_weights(pickled: PickledNetwork, module: Module, name: str) -> dict[str, np.ndarray]:
    kernel = pickled.array(module.tensor("weight"))
    return {
        f"{name}/kernel": kernel.transpose(2, 3, 1, 0),  # (out, in, h, w) -> (h, w, in, out)
        f"{name}/bias": pickled.array(module.tensor("bias")),
    }


def _normalization_weights(pickled: PickledNetwork, module: Module, name: str) -> dict[str, np.ndarray]:
    names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    return {f"{name}/{ours}": pickled.array(module.tensor(theirs)) for ours, theirs in names.items()}


def _convolutions(block: Module, architecture: Architecture) -> list[Module]:
    return [block.child(f"conv{index}") for index in range(1, architecture.convolutions_per_block + 1)]


def _pooling_size(pool: Module) -> int:
    size = _only(pool.setting("kernel_size"))
    _expect("pooling", "stride", _only(pool.setting("stride")), size)
    _expect("pooling", "padding", _only(pool.setting("padding")), 0)
    return size


def _only(size: Any) -> Any:
    """The size, which must be the same for height and width."""
    sizes = set(size) if isinstance(size, tuple) else {size}
    if len(sizes) != 1:
        raise ReadError(f"has a layer of size {size}, expected the same height and width.")
    return sizes.pop()


def _one_of(known: Collection[str], actual: list[Any], what: str) -> Any:
    if len(set(actual)) != 1 or actual[0] not in known:
        raise ReadError(f"has the {what} {actual}, expected {' or '.join(known)} everywhere.")
    return actual[0]


def _expect(place: str, what: str, actual: Any, expected: Any) -> None:
    if actual != expected:
        raise ReadError(f"{place}: expected {what} {expected!r}, received {actual!r}; not a UNet of the study.")
