"""Whether a worker may train runs of this study: it has the same packages and sees the same folder."""

import platform
import socket
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tem_rf.study.execution.devices import device_name
from tem_rf.training.environment import package_versions


@dataclass(frozen=True)
class WorkerDescription:
    """What a worker says of itself.

    Attributes:
        name: Its name among the workers.
        host: Its machine.
        device: What it trains on: a GPU by its name, the CPU, or empty where its environment does not say.
        versions: Of the packages that decide a result, of Dask and of Python.
        sees_folder: Whether the folder of the study exists there.
    """

    name: str
    host: str
    device: str
    versions: dict[str, str | None]
    sees_folder: bool


def describe_worker(folder: Path) -> WorkerDescription:
    """What the worker that runs this is like."""
    from distributed import get_worker

    return WorkerDescription(str(get_worker().name), socket.gethostname(), device_name(), _versions(), folder.is_dir())


def objection(description: WorkerDescription, folder: Path) -> str:
    """Why a worker may not train runs of this study; empty where it may."""
    ours = _versions()
    differing = [
        f"{package} {description.versions.get(package)} instead of {ours[package]}"
        for package in ours
        if description.versions.get(package) != ours[package]
    ]
    if differing:
        return f"has {', '.join(differing)}; install the same packages there"
    if not description.sees_folder:
        return f"does not see {folder}; put the study on a file system that all workers share"
    return ""


def _versions() -> dict[str, str | None]:
    python = ".".join(platform.python_version_tuple()[:2])
    return {**package_versions(), "distributed": version("distributed"), "python": python}
