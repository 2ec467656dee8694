"""Writes networks as PyTorch does, without PyTorch: the modules that a pickle names exist only while it is written."""

import io
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

from tem_rf import Architecture, build_unet

_CLASSES = {
    "__main__": ["UNet", "ResidualBlock"],
    "torch.nn.modules.batchnorm": ["BatchNorm2d"],
    "torch.nn.modules.container": ["ModuleList"],
    "torch.nn.modules.conv": ["Conv2d"],
    "torch.nn.modules.pooling": ["MaxPool2d"],
    "torch.nn.modules.upsampling": ["Upsample"],
    "torch": ["FloatStorage"],
}
_REBUILD = "_rebuild_tensor_v2"


class Tensor:
    """Pickled as a view of a storage of its own."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = np.ascontiguousarray(values, "<f4")
        self.shape = self.values.shape

    def __reduce__(self) -> tuple[Any, ...]:
        strides = tuple(stride // 4 for stride in self.values.strides)
        storage = Storage(self.values)
        return getattr(sys.modules["torch._utils"], _REBUILD), (storage, 0, self.shape, strides, False, OrderedDict())


class Storage:
    def __init__(self, values: np.ndarray) -> None:
        self.values = values


class _Pickler(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, *, legacy: bool) -> None:
        super().__init__(stream, protocol=2)
        self.legacy = legacy
        self.storages: dict[str, np.ndarray] = {}

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Storage):
            return None
        key = str(len(self.storages))
        self.storages[key] = value.values
        kind = sys.modules["torch"].FloatStorage
        return ("storage", kind, key, "cpu", value.values.size, *([None] if self.legacy else []))


def module(
    kind: str, children: dict[str, Any] | None = None, tensors: dict[str, Any] | None = None, **settings: Any
) -> tuple[str, dict[str, Any]]:
    """A module by the name of its class, to be pickled within `write_pytorch_file`."""
    return (kind, {**settings, "_modules": OrderedDict(children or {}), "_parameters": tensors or {}, "_buffers": {}})


def unet(architecture: Any, weights: dict[str, np.ndarray]) -> Any:
    """The tree of modules of a network of the study, from the weights of `build_unet` by name."""

    def convolution(name: str, size: int, dilation: int) -> Any:
        kernel = weights[f"{name}/kernel"].transpose(3, 2, 0, 1)
        settings = {"kernel_size": (size,) * 2, "dilation": (dilation,) * 2, "padding": (dilation * (size // 2),) * 2}
        tensors = {"weight": Tensor(kernel), "bias": Tensor(weights[f"{name}/bias"])}
        return module("Conv2d", None, tensors, **settings, stride=(1, 1), groups=1, out_channels=kernel.shape[0])

    def normalization(name: str) -> Any:
        ours = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
        tensors = {key: Tensor(weights[f"{name}/{value}"]) for key, value in ours.items()}
        return module("BatchNorm2d", None, tensors, eps=1e-5)

    def block(name: str, level: int) -> Any:
        dilation = architecture.dilation_sequence[level]
        children = {f"conv{i}": convolution(f"{name}_conv{i}", architecture.kernel_size, dilation) for i in (1, 2)}
        children |= {f"bn{i}": normalization(f"{name}_bn{i}") for i in (1, 2)}
        return module("ResidualBlock", {**children, "conv_add": convolution(f"{name}_skip", 1, 1)})

    def sequence(modules: list[Any]) -> Any:
        return module("ModuleList", {str(index): one for index, one in enumerate(modules)})

    levels = range(architecture.depth)
    pools = architecture.pooling_sequence
    return module(
        "UNet",
        {
            "downs": sequence([block(f"encoder{level}", level) for level in levels]),
            "ups": sequence([block(f"decoder{level}", level) for level in reversed(levels)]),
            "pools": sequence([module("MaxPool2d", kernel_size=k, stride=k, padding=0) for k in pools]),
            "upsamples": sequence([module("Upsample", scale_factor=float(k), mode="nearest") for k in reversed(pools)]),
            "bottleneck": block("bottleneck", architecture.depth),
            "final_conv": convolution("head", 1, 1),
        },
    )


def write_pytorch_file(path: Path, content: Any, *, legacy: bool = False) -> Path:
    """Write a tree of modules, or anything else, as `torch.save` does in either layout."""
    modules = {name: ModuleType(name) for name in _CLASSES} | {"torch._utils": ModuleType("torch._utils")}
    for name, classes in _CLASSES.items():
        for kind in classes:
            setattr(modules[name], kind, type(kind, (), {"__module__": name}))
    rebuild = FunctionType((lambda *_: None).__code__, {}, _REBUILD)
    rebuild.__module__ = "torch._utils"
    rebuild.__qualname__ = _REBUILD
    setattr(modules["torch._utils"], _REBUILD, rebuild)
    kinds = {kind: getattr(modules[name], kind) for name, classes in _CLASSES.items() for kind in classes}
    stream = io.BytesIO()
    with patch.dict(sys.modules, modules):
        pickler = _Pickler(stream, legacy=legacy)
        pickler.dump(_instances(content, kinds))
    if legacy:
        _write_legacy(path, stream.getvalue(), pickler.storages)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", stream.getvalue())
            for key, values in pickler.storages.items():
                archive.writestr(f"archive/data/{key}", values.tobytes())
    return path


def _instances(content: Any, kinds: dict[str, type]) -> Any:
    match content:
        case (str() as kind, {"_modules": children} as state) if kind in kinds:
            instance = kinds[kind]()
            inner = OrderedDict((name, _instances(child, kinds)) for name, child in children.items())
            instance.__dict__.update({**state, "_modules": inner})
            return instance
        case _:
            return content


def _write_legacy(path: Path, program: bytes, storages: dict[str, np.ndarray]) -> None:
    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}]
    parts = [pickle.dumps(one, protocol=2) for one in head] + [program, pickle.dumps(list(storages), protocol=2)]
    for values in storages.values():
        parts += [values.size.to_bytes(8, "little"), values.tobytes()]
    path.write_bytes(b"".join(parts))


def named_weights(architecture: Architecture) -> dict[str, np.ndarray]:
    """Random weights for every layer of an architecture."""
    rng = np.random.default_rng(0)
    model = build_unet(architecture)
    return {
        f"{layer.name}/{weight.name}": rng.normal(size=weight.shape).astype(np.float32)
        for layer in model.layers
        for weight in layer.weights
    }


def positive_variances(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same weights, with variances that a network may have."""
    return {name: abs(array) if name.endswith("variance") else array for name, array in weights.items()}
