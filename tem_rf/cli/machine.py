"""Check a machine, item by item, and say how to fix what is missing."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from tem_rf.errors import StorageError
from tem_rf.files import storage_errors
from tem_rf.locks import lock
from tem_rf.platforms import usable_cores

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
EXTRAS = {
    "formats": "EMD, SER and other microscope file formats",
    "movies": "tracking particles through movies",
    "exchange": "ONNX, LiteRT and bioimage.io",
    "cluster": "studies on SLURM",
    "jax": "training with JAX, on several GPUs",
}
MIN_FREE_GB = 1.0
MIN_MEMORY_GB = 2.0
NETWORK_FILE_SYSTEMS = ("nfs", "lustre", "cifs", "smb", "fuse", "gpfs", "beegfs")
GPU_QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
GPU_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        name: What was checked.
        state: `ok`; `note` if something optional is missing or limited; `broken` if tem-rf cannot work like this.
        found: What was found.
        advice: What to do; empty if nothing needs doing.
    """

    name: str
    state: Literal["ok", "note", "broken"]
    found: str
    advice: str = ""


def look_at(folder: Path) -> Iterator[Finding]:
    """Check everything that can be checked without importing TensorFlow.

    Args:
        folder: Working folder of the user; it need not exist.
    """
    yield _python()
    yield _packages()
    yield _backend()
    yield _gpus()
    yield _memory()
    place = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.is_dir())
    yield _disk(place)
    yield _locks(place)
    yield _terminal(os.environ)
    yield from (_extra(name, purpose) for name, purpose in EXTRAS.items())


def compute() -> Finding:
    """Import the backend and run a small convolution, the minimum that training needs."""
    from tem_rf.models.backend import import_keras

    try:
        import_keras()
        import keras

        total = float(keras.ops.sum(keras.ops.conv(keras.ops.ones((1, 8, 8, 1)), keras.ops.ones((3, 3, 1, 1)))))
        devices = ", ".join(keras.distribution.list_devices("gpu") or keras.distribution.list_devices("cpu"))
    except Exception as error:  # a broken installation can raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        return Finding(
            "computing", "broken", f"the backend fails: {reason[:200]}", "install tem-rf into a new environment"
        )
    if total != 9 * 36:  # 36 places of a kernel of nine ones
        return Finding(
            "computing", "broken", f"expected a sum of 324, received {total:g}", "try another machine or driver"
        )
    return Finding("computing", "ok", f"{keras.backend.backend()} computes on {devices}")


def _python() -> Finding:
    version = platform.python_version()
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return Finding("Python", "ok", f"{version} in {sys.prefix}")
    return Finding("Python", "broken", version, "create an environment with Python 3.11 to 3.13")


def _packages() -> Finding:
    needed = [requirement for requirement in _requirements() if not requirement.extra]
    wrong = [requirement for requirement in needed if not requirement.is_met]
    if wrong:
        found = ", ".join(
            f"{requirement.text} is required, {requirement.version or 'none'} is installed" for requirement in wrong
        )
        return Finding("packages", "broken", found, "pip install --upgrade tem-rf")
    versions = {requirement.name: requirement.version for requirement in needed}
    return Finding(
        "packages", "ok", f"all {len(needed)}; TensorFlow {versions.get('tensorflow')}, Keras {versions.get('keras')}"
    )


def _backend() -> Finding:
    backend = os.environ.get("KERAS_BACKEND") or _backend_of_keras()
    if backend not in ("tensorflow", "jax"):
        return Finding("backend", "broken", f"Keras is set to {backend}", "set KERAS_BACKEND to tensorflow or jax")
    if find_spec(backend) is None:
        return Finding("backend", "broken", f"{backend} is not installed", f"pip install {backend}")
    return Finding("backend", "ok", backend)


def _backend_of_keras() -> str:
    """Return the backend in Keras' own settings file; `tensorflow` if there is no such file."""
    file = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "keras.json"
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow"


def _gpus() -> Finding:
    nothing = "no NVIDIA GPU; training runs on the CPU"
    if shutil.which(GPU_QUERY[0]) is None:
        return Finding("GPU", "note", nothing, "train only small networks here, or use a machine with a GPU")
    try:
        listed = subprocess.run(GPU_QUERY, capture_output=True, text=True, check=True, timeout=GPU_TIMEOUT_S).stdout
    except (OSError, subprocess.SubprocessError):
        return Finding("GPU", "note", "nvidia-smi fails", "run nvidia-smi to check that the driver is loaded")
    gpus = [line.strip() for line in listed.splitlines() if line.strip()]
    if not gpus:
        return Finding("GPU", "note", nothing, "run nvidia-smi to check that the driver is loaded")
    if not any(_is_installed(f"nvidia-cudnn-cu{version}") for version in (12, 13)):
        return Finding("GPU", "note", "; ".join(gpus), "pip install 'tem-rf[gpu]' unless the system has CUDA and cuDNN")
    return Finding("GPU", "ok", "; ".join(gpus))


def _memory() -> Finding:
    import psutil

    memory, cores = psutil.virtual_memory(), usable_cores()
    found = f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free, {cores} CPU cores"
    if memory.available < MIN_MEMORY_GB * 1e9:
        return Finding("memory", "note", found, f"training needs about {MIN_MEMORY_GB:g} GB; close other programs")
    return Finding("memory", "ok", found)


def _disk(place: Path) -> Finding:
    free_gb = shutil.disk_usage(place).free / 1e9
    if free_gb < MIN_FREE_GB:
        return Finding("disk", "broken", f"{free_gb:.2f} GB free in {place}", "free some space, or use another disk")
    return Finding("disk", "ok", f"{free_gb:.1f} GB free in {place}")


def _locks(place: Path) -> Finding:
    """Check that a file lock keeps a second process out of a run; on network file systems, on this machine only."""
    try:
        with storage_errors(place), tempfile.NamedTemporaryFile(dir=place, prefix=".doctor.") as file:
            lock(file.fileno())
            is_shared = _is_granted_to_another(Path(file.name))
    except StorageError as error:
        return Finding("locks", "broken", str(error).partition(";")[0], "work in a folder that you can write to")
    except OSError as error:
        return Finding("locks", "broken", f"flock fails in {place} ({error.strerror})", "work on a local disk")
    if is_shared:
        return Finding("locks", "broken", f"flock has no effect in {place}", "mount Lustre with flock, not localflock")
    kind = _file_system(place)
    if kind.startswith(NETWORK_FILE_SYSTEMS):
        return Finding(
            "locks", "note", f"flock works on this machine in {place} ({kind})",
            "for studies on several machines the lock must reach the server: NFS 4, or Lustre mounted with flock",
        )  # fmt: skip
    return Finding("locks", "ok", f"flock works in {place} ({kind})")


def _is_granted_to_another(file: Path) -> bool:
    with file.open("rb") as other:
        return lock(other)


def _file_system(place: Path) -> str:
    import psutil

    partitions = [part for part in psutil.disk_partitions(all=True) if place.is_relative_to(part.mountpoint)]
    return max(partitions, key=lambda part: len(part.mountpoint)).fstype if partitions else "unknown"


def _terminal(environment: Mapping[str, str]) -> Finding:
    from rich.console import Console

    from tem_rf_tui.images import detect

    if not sys.stdout.isatty():
        return Finding("terminal", "note", "none: the output goes to a file or a pipe")
    console = Console()
    colours = {"truecolor": "all colours", "256": "256 colours"}.get(console.color_system or "", "few colours")
    pictures = {"blocks": "half blocks"}.get(kind := detect(environment), f"pixels ({kind})")
    found = f"{console.width} x {console.height}, {colours}, {console.encoding}, pictures as {pictures}"
    if console.encoding != "utf-8":
        return Finding("terminal", "note", found, "set LANG to C.UTF-8, which the app needs")
    if console.width < 80 or console.height < 24:
        return Finding("terminal", "note", found, "the app needs at least 80 x 24; enlarge the window")
    if colours != "all colours":
        return Finding(
            "terminal",
            "note",
            found,
            "set COLORTERM=truecolor if the terminal supports it; see the docs on ssh and tmux",
        )
    return Finding("terminal", "ok", found)


def _extra(name: str, purpose: str) -> Finding:
    requirements = [requirement for requirement in _requirements() if requirement.extra == name]
    if missing := [requirement.text for requirement in requirements if not requirement.is_met]:
        return Finding(
            f"extra {name}", "note", f"missing {', '.join(missing)}", f"for {purpose}: pip install 'tem-rf[{name}]'"
        )
    return Finding(f"extra {name}", "ok", purpose)


@dataclass(frozen=True)
class _Requirement:
    """A package that tem-rf or one of its extras requires."""

    name: str
    text: str
    extra: str
    version: str | None
    is_met: bool


def _requirements() -> list[_Requirement]:
    from packaging.requirements import Requirement

    read = []
    for line in metadata.requires("tem-rf") or []:
        requirement = Requirement(line)
        _, _, condition = line.partition("extra ==")
        version = metadata.version(requirement.name) if _is_installed(requirement.name) else None
        is_met = version is not None and requirement.specifier.contains(version, prereleases=True)
        text = f"{requirement.name}{requirement.specifier}"
        read.append(_Requirement(requirement.name, text, condition.strip(" '\""), version, is_met))
    return read


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
