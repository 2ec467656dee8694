"""Read PyTorch pickles of whole modules without PyTorch, and without running anything a file refers to.

A pickle is a program that may call any function by name. Here it finds only inert stand-ins: classes that store
their state, and functions that record where the numbers of a tensor are.
"""

import hashlib
import io
import pickle
import pickletools
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from tem_rf.errors import ReadError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_DTYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}
_LAYERS = {
    "torch.nn.modules.activation": {"ReLU"},
    "torch.nn.modules.batchnorm": {"BatchNorm2d"},
    "torch.nn.modules.container": {"ModuleList", "Sequential"},
    "torch.nn.modules.conv": {"Conv2d"},
    "torch.nn.modules.pooling": {"AvgPool2d", "MaxPool2d"},
    "torch.nn.modules.upsampling": {"Upsample"},
}
_CLASSES_OF_THE_STUDY = re.compile(r"(UNet|ResidualBlock)\w*")


class StorageReference(NamedTuple):
    """A range of numbers in the file."""

    key: str
    dtype: str
    length: int


class TensorReference(NamedTuple):
    """A tensor as a view of a storage. It is a tuple, so a pickle cannot change it after it is made."""

    storage: StorageReference
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Module:
    """Stand-in for a `torch.nn.Module` that stores the state from the file."""

    kind = "Module"
    state: dict[str, Any]

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise ReadError(f"a {self.kind} has a state of type {type(state).__name__}, expected a dict.")
        self.state = state

    def child(self, name: str) -> "Module":
        """A submodule.

        Raises:
            ReadError: There is no submodule of this name.
        """
        child = self.children().get(name)
        if not isinstance(child, Module):
            raise ReadError(f"a {self.kind} has no {name}; expected a UNet of the study.")
        return child

    def children(self) -> dict[str, Any]:
        """The submodules by name."""
        return self.state.get("_modules", {})

    def setting(self, name: str, default: Any = None) -> Any:
        """A plain attribute, such as `kernel_size`."""
        return self.state.get(name, default)

    def tensor(self, name: str) -> TensorReference:
        """A parameter or buffer.

        Raises:
            ReadError: There is no tensor of this name.
        """
        tensors = {**self.state.get("_parameters", {}), **self.state.get("_buffers", {})}
        if not isinstance(tensors.get(name), TensorReference):
            raise ReadError(f"a {self.kind} has no tensor {name}; expected a UNet of the study.")
        return tensors[name]


@dataclass(frozen=True)
class PickledNetwork:
    """The content of a file: a tree of modules, and the numbers they refer to.

    Attributes:
        root: The outermost module.
        storages: (n,) arrays by key.
        sha256: SHA-256 of the file.
    """

    root: Module
    storages: dict[str, np.ndarray]
    sha256: str

    def array(self, tensor: TensorReference) -> np.ndarray:
        """The numbers of a tensor, as float32.

        Raises:
            ReadError: The tensor extends beyond its storage.
        """
        storage, offset, shape, strides = tensor
        values = self.storages[storage.key]
        last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        # No tensor of a network repeats numbers, so more elements than the storage has is an error, too.
        if min((offset, *shape, *strides)) < 0 or max(last + 1, int(np.prod(shape, dtype=object))) > len(values):
            raise ReadError(f"a tensor of shape {shape} does not fit its storage of {len(values)} numbers.")
        bytes_per_step = tuple(stride * values.itemsize for stride in strides)
        view = np.lib.stride_tricks.as_strided(values[offset:], shape, bytes_per_step)
        return np.array(view, np.float32)


def read_pickled_network(path: Path) -> PickledNetwork:
    """Read a file written by `torch.save(model, path)`, in PyTorch's zip layout or the earlier one.

    Raises:
        ReadError: The file is missing, damaged, or refers to anything but layers and tensors.
    """
    try:
        content = path.read_bytes()
        read = _read_zip if zipfile.is_zipfile(io.BytesIO(content)) else _read_legacy
        root, storages = read(content)
    except FileNotFoundError as error:
        raise ReadError(f"{path}: no such file; check the path.") from error
    except ReadError as error:
        raise ReadError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle can cause any exception
        # For bytes that are not a pickle at all, Python's message is of no help.
        reason = "" if isinstance(error, ValueError) else f" ({' '.join(str(error).split())[:160]})"
        raise ReadError(
            f"{path}: is not a PyTorch file, or is damaged{reason}; expected the output of torch.save(model, path)."
        ) from error
    if not isinstance(root, Module):
        raise ReadError(
            f"{path}: contains a {type(root).__name__}, expected a whole network; "
            "weights alone do not define the pooling."
        )
    return PickledNetwork(root, storages, hashlib.sha256(content).hexdigest())


def _read_zip(content: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        programs = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(programs) != 1:
            raise ReadError(f"contains {len(programs)} files data.pkl, expected one, as written by PyTorch.")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ReadError("contains compressed entries, which PyTorch does not write.")
        folder = programs[0].partition("/")[0]
        unpickler = _Unpickler(io.BytesIO(archive.read(programs[0])))
        root = unpickler.load()
        storages = {
            key: _numbers(reference, archive.read(f"{folder}/data/{key}"))
            for key, reference in unpickler.references.items()
        }
    return root, storages


def _read_legacy(content: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    """Five pickles (magic number, protocol, machine, module, keys), then count and numbers of each storage."""
    stream = io.BytesIO(content)
    head = [_Unpickler(stream).load() for _ in range(3)]
    if head[:2] != [_LEGACY_MAGIC, _LEGACY_PROTOCOL] or not head[2].get("little_endian"):
        raise ReadError("does not start like a PyTorch file from a little-endian machine.")
    unpickler = _Unpickler(stream)
    root = unpickler.load()
    keys = _Unpickler(stream).load()
    if sorted(keys) != sorted(unpickler.references):
        raise ReadError("lists other storages than those its network refers to.")
    storages = {}
    for key in keys:
        reference = unpickler.references[key]
        count = int.from_bytes(stream.read(8), "little", signed=True)
        if count != reference.length:
            raise ReadError(f"storage {key} has {count} numbers, its network expects {reference.length}.")
        storages[key] = _numbers(reference, stream.read(count * np.dtype(reference.dtype).itemsize))
    return root, storages


def _numbers(reference: StorageReference, content: bytes) -> np.ndarray:
    expected = reference.length * np.dtype(reference.dtype).itemsize
    if len(content) != expected:
        raise ReadError(f"storage {reference.key} has {len(content)} bytes, its network expects {expected}.")
    return np.frombuffer(content, reference.dtype)


class _Unpickler(pickle.Unpickler):
    """Runs one pickle with stand-ins only. Afterwards `references` lists the storages it refers to."""

    def __init__(self, stream: BinaryIO) -> None:
        _check_memo(stream)
        super().__init__(stream)
        self.references: dict[str, StorageReference] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module == "__main__" and _CLASSES_OF_THE_STUDY.fullmatch(name)) or name in _LAYERS.get(module, ()):
            return type(name, (Module,), {"kind": name})
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) not in _FUNCTIONS:
            raise ReadError(
                f"refers to {module}.{name}, which is neither a layer nor a tensor; nothing was run. "
                "Do not open this file with PyTorch either, unless you know who made it."
            )
        return _FUNCTIONS[module, name]

    def persistent_load(self, pid: Any) -> Any:
        match pid:
            case ("module", type() as stand_in, str(), str()):
                return stand_in
            case ("storage", dtype, str() as key, str(), int() as length, *view) if view in ([], [None]):
                if dtype not in _DTYPES.values():
                    raise ReadError(f"storage {key} has an unknown number type.")
                reference = StorageReference(key, dtype, length)
                if self.references.setdefault(key, reference) != reference:
                    raise ReadError(f"storage {key} is described in two different ways.")
                return reference
        raise ReadError("refers to something that is neither a layer nor a storage of numbers.")


def _check_memo(stream: BinaryIO) -> None:
    """Reject a memo index that is larger than the pickle can contain: Python would allocate up to it."""
    start = stream.tell()
    length = len(stream.read())
    stream.seek(start)
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= length:
            raise ReadError(f"has memo index {argument}, in a pickle of {length} bytes.")
    stream.seek(start)


class _Function:
    """A function that a pickle may call. A pickle could overwrite the attributes of a plain function."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, _: Any) -> None:
        raise ReadError("tries to modify a stand-in for PyTorch; nothing was run.")


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> TensorReference:
    is_view = isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides)
    if not isinstance(storage, StorageReference) or not is_view:
        raise ReadError("has a tensor that is not a view of a storage.")
    if any(not isinstance(number, int) for number in (offset, *shape, *strides)):
        raise ReadError("has a tensor with a shape that is not made of whole numbers.")
    return TensorReference(storage, offset, shape, strides)


def _rebuild_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _old_backend() -> None:
    """Stand-in for the table of functions that modules of PyTorch 1.1 and earlier refer to."""


_FUNCTIONS = {
    ("collections", "OrderedDict"): OrderedDict,
    ("__builtin__", "set"): set,
    ("builtins", "set"): set,
    ("torch._utils", "_rebuild_parameter"): _Function(_rebuild_parameter),
    ("torch._utils", "_rebuild_tensor"): _Function(_rebuild_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): _Function(_rebuild_tensor),
    ("torch.nn.backends.thnn", "_get_thnn_function_backend"): _Function(_old_backend),
}
