"""Check a machine, item by item, and say how to fix what is missing."""

import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from tem_rf.cli.device_check import driver_findings
from tem_rf.cli.finding import Finding
from tem_rf.config.machine import machine_choice
from tem_rf.errors import SettingsError, StorageError
from tem_rf.files import storage_errors
from tem_rf.locks import lock
from tem_rf.platforms import usable_cores
from tem_rf.runs.gpus import Driver

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
EXTRAS = {
    "formats": "EMD, SER and other microscope file formats",
    "movies": "tracking particles through movies",
    "browser": "the app in a browser",
    "exchange": "ONNX, LiteRT and bioimage.io",
    "cluster": "studies on SLURM",
    "jax": "training with JAX, on several GPUs",
    "mlflow": "runs and studies in MLflow",
}
MIN_FREE_GB = 1.0
MIN_MEMORY_GB = 2.0
NETWORK_FILE_SYSTEMS = ("nfs", "lustre", "cifs", "smb", "fuse", "gpfs", "beegfs")


def look_at(folder: Path, driver: Driver | None) -> Iterator[Finding]:
    """Check everything that can be checked without importing TensorFlow.

    Args:
        folder: Working folder of the user; it need not exist.
        driver: The NVIDIA driver; None on a machine without one.
    """
    yield _python()
    yield _packages()
    yield _backend()
    yield from driver_findings(driver, os.environ)
    yield _memory()
    place = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.is_dir())
    yield _disk(place)
    yield _locks(place)
    yield _terminal(os.environ)
    yield from (_extra(name, purpose) for name, purpose in EXTRAS.items())


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
    return Finding("backend", "ok", f"{backend}{_chosen()}")


def _chosen() -> str:
    choice = machine_choice()
    return f"; this machine is set to {choice} by `tem-rf doctor --use`" if choice else ""


def _backend_of_keras() -> str:
    """Return the backend in Keras' own settings file; `tensorflow` if there is no such file."""
    try:
        file = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
        return str(json.loads(file.read_text(encoding="utf-8"))["backend"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):  # a RuntimeError without a home folder
        return "tensorflow"


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
    from tem_rf_tui.terminal_size import MIN_COLUMNS, MIN_LINES, is_too_small

    if not sys.stdout.isatty():
        return Finding("terminal", "note", "none: the output goes to a file or a pipe")
    console = Console()
    colours = {"truecolor": "all colours", "256": "256 colours"}.get(console.color_system or "", "few colours")
    try:
        pictures = {"blocks": "half blocks"}.get(kind := detect(environment), f"pixels ({kind})")
    except SettingsError as error:
        return Finding("terminal", "note", f"{console.width} x {console.height}, {colours}", str(error))
    found = f"{console.width} x {console.height}, {colours}, {console.encoding}, pictures as {pictures}"
    if console.encoding != "utf-8":
        return Finding("terminal", "note", found, "set LANG to C.UTF-8, which the app needs")
    if is_too_small(console.width, console.height):
        return Finding(
            "terminal", "note", found, f"the app needs at least {MIN_COLUMNS} x {MIN_LINES}; enlarge the window"
        )
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
