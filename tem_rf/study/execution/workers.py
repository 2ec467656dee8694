"""Keep track of the workers of a scheduler: which may train, and which are lost."""

import platform
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from distributed import Client, Future

from tem_rf.runs.devices import device_name
from tem_rf.runs.environment import package_versions
from tem_rf.study.events import Worker


@dataclass(frozen=True)
class WorkerDescription:
    """Description of a worker by itself.

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
    """Return the description of the worker that runs this function."""
    from distributed import get_worker

    return WorkerDescription(str(get_worker().name), socket.gethostname(), device_name(), _versions(), folder.is_dir())


def refusal(description: WorkerDescription, folder: Path) -> str:
    """Return why a worker may not train runs of this study; empty if it may."""
    ours = _versions()
    differing = [
        f"{package} {description.versions.get(package)} instead of {ours[package]}"
        for package in ours
        if description.versions.get(package) != ours[package]
    ]
    if differing:
        return f"has {', '.join(differing)}; install the same packages there"
    if not description.sees_folder:
        return f"cannot access {folder}; put the study on a file system shared by all workers"
    return ""


def _versions() -> dict[str, str | None]:
    python = ".".join(platform.python_version_tuple()[:2])
    return {**package_versions(), "distributed": version("distributed"), "python": python}


REFRESH_INTERVAL_S = 0.25
ANSWER_TIMEOUT_S = 20.0


class SchedulerLostError(Exception):
    """The scheduler no longer responds."""


@dataclass
class RegisteredWorker:
    """A worker as the scheduler knows it.

    Attributes:
        address: Unique while it lives; one that was restarted has another.
        question: What it was asked about itself.
        description: What it answered, once it did.
        refusal: Why it may not train.
    """

    address: str
    question: Future
    description: WorkerDescription | None = None
    refusal: str = ""

    @property
    def name(self) -> str:
        """Its name, which a restart does not change; its address as long as it was not heard."""
        return self.description.name if self.description else self.address

    @property
    def may_train(self) -> bool:
        """Whether it was asked about its packages and has the right ones."""
        return self.description is not None and not self.refusal

    def event(self, run: str = "", *, is_lost: bool = False) -> Worker:
        """The worker as events tell of it."""
        state = "lost" if is_lost else "busy" if run else "idle"
        host, device = (self.description.host, self.description.device) if self.description else ("", "")
        return Worker(name=self.name, state=state, host=host, device=device, run=run)


class WorkerRegistry:
    """Follows the workers of one scheduler.

    Args:
        client: Connected to the scheduler.
        folder: What every worker must see.
    """

    def __init__(self, client: Client, folder: Path) -> None:
        self._client, self._folder = client, folder
        self._by_address: dict[str, RegisteredWorker] = {}
        self._lost: dict[str, RegisteredWorker] = {}
        self._refreshed_at = float("-inf")

    def refresh(self) -> list[RegisteredWorker]:
        """Ask the scheduler for its workers.

        Returns:
            Those that answered for the first time, and may not train.

        Raises:
            SchedulerLostError: It does not answer.
        """
        if time.monotonic() - self._refreshed_at < REFRESH_INTERVAL_S:
            return []
        addresses = self._ask_scheduler()
        self._refreshed_at = time.monotonic()
        for address in self._by_address.keys() - addresses:
            worker = self._by_address.pop(address)
            self._lost[worker.name] = worker
        for address in addresses - self._by_address.keys():
            question = self._client.submit(describe_worker, self._folder, workers=[address], pure=False)
            self._by_address[address] = RegisteredWorker(address, question)
        return [worker for worker in self._by_address.values() if self._hear(worker) and worker.refusal]

    def is_here(self, address: str) -> bool:
        """Whether the worker of this address is still known to the scheduler."""
        return address in self._by_address

    def all(self) -> list[RegisteredWorker]:
        """The workers that are there."""
        return list(self._by_address.values())

    def lost(self) -> Iterable[RegisteredWorker]:
        """Workers that are gone and did not come back under their name."""
        return self._lost.values()

    def _ask_scheduler(self) -> set[str]:
        if self._client.status != "running":
            raise SchedulerLostError
        try:
            return set(self._client.sync(self._client.scheduler.ncores, callback_timeout=ANSWER_TIMEOUT_S))
        except (OSError, TimeoutError) as error:
            raise SchedulerLostError from error

    def _hear(self, worker: RegisteredWorker) -> bool:
        """Take the answer of a worker that was asked; whether there is one, and new."""
        if worker.description is not None or worker.refusal or not worker.question.done():
            return False
        if worker.question.status == "error":
            worker.refusal = f"cannot describe itself ({worker.question.exception()}); install the same packages there"
        elif worker.question.status == "finished":
            try:
                worker.description = worker.question.result(timeout=ANSWER_TIMEOUT_S)
            except (OSError, TimeoutError):  # it went as it answered
                return False
            worker.refusal = refusal(worker.description, self._folder)
            self._lost.pop(worker.name, None)
        return True
