"""A study run from the command line; its driver, scheduler and nannies are restarted whenever they end."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from tem_rf.evaluation.columns import COLUMNS
from tem_rf.evaluation.table import as_records
from tem_rf.runs import process
from tem_rf.runs.events import epochs
from tem_rf.runs.folder import RunFolder
from tem_rf.study.folder import StudyFolder
from tem_rf.study.results.folder import ResultsFolder

DRIVER = Path(__file__).with_name("soak_driver.py")
WORKERS = 2
RESTART_AFTER_S = 2.0
MEASURED = {"time", "patches_per_s", "duration_s", "input_wait", "memory_mb"}


class StudyInTrouble:
    """A study run by a user who restarts everything that ends.

    Args:
        name: Its name.
        definition: Its definition file.
        folder: Folder that holds `studies/`.
        has_scheduler_of_its_own: Whether it runs on a scheduler and workers that were started by hand.
        is_stub: Whether its trainings are those of the tests, which take seconds.

    Attributes:
        restarts: How often the driver was started again.
        is_finished: Whether it came to its end.
    """

    def __init__(
        self, name: str, definition: Path, folder: Path, *, has_scheduler_of_its_own: bool, is_stub: bool
    ) -> None:
        self.name, self.path = name, folder / "studies" / name
        self.restarts, self.is_finished = -1, False
        self._log = folder.parent / f"{folder.name}-{name}.log"
        self._driver: subprocess.Popen[bytes] | None = None
        run = [str(DRIVER)] if is_stub else ["-m", "tem_rf", "study", "run"]
        self._command = [*run, str(definition), "--name", name, "--studies", str(self.path.parent)]
        self._services: dict[str, list[str]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ended_at: dict[str, float] = {}
        if has_scheduler_of_its_own:
            port = _free_port()
            address = f"tcp://127.0.0.1:{port}"
            self._command += ["--scheduler", address]
            scheduler = [
                "-m",
                "distributed.cli.dask_scheduler",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--no-dashboard",
            ]
            worker = ["-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--nanny", "--no-dashboard"]
            self._services = {"scheduler": scheduler}
            self._services |= {f"worker{number}": [*worker, "--name", f"w{number}"] for number in range(WORKERS)}

    def tick(self) -> bool:
        """Restart what has ended; return whether the study has finished."""
        for name, command in self._services.items():
            if self._has_ended_for_a_while(name):
                self._running[name] = _start(command, self._log)
        if (
            self._driver is not None
            and self._driver.poll() == 0
            and process.state(StudyFolder(self.path)) == "finished"
        ):
            self.is_finished = True
        elif self._has_ended_for_a_while("driver"):
            self._driver = self._running["driver"] = _start(self._command, self._log)
            self.restarts += 1
        return self.is_finished

    def end(self) -> None:
        """End its remaining processes."""
        for running in self._running.values():
            _end_with_children(running)
        self._log.unlink(missing_ok=True)

    def _has_ended_for_a_while(self, name: str) -> bool:
        running = self._running.get(name)
        if running is None:
            return True
        if running.poll() is None:
            self._ended_at.pop(name, None)
            return False
        return time.monotonic() - self._ended_at.setdefault(name, time.monotonic()) > RESTART_AFTER_S


def results_of(study: Path) -> dict[str, Any]:
    """Return the table of a study and the result of each run, without values that depend on the machine's speed."""
    columns = [column for key, column in COLUMNS.items() if key != "time_s"]
    table = {record["trial"]: record for record in as_records(ResultsFolder(study).read().trials, columns)}
    return table | {run.name: _result_of(run) for run in StudyFolder(study).runs()}


def _result_of(run: RunFolder) -> Any:
    trained = [event.model_dump(exclude=MEASURED) for event in epochs(run.events())]
    return trained, run.scores_file.read_text() if run.scores_file.exists() else None


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen([sys.executable, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def _end_with_children(running: subprocess.Popen[bytes]) -> None:
    if running.poll() is None:
        for child in [*psutil.Process(running.pid).children(recursive=True), running]:
            child.kill()
    running.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
