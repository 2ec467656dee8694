"""Overhead of a study per training: search, worker, separate process, reporting.

Run: python benchmarks/study.py [--networks 117] [--workers 2] [--json]
Takes about a minute on 2 cores. A training is a `cp` of some milliseconds, of what one stub training wrote; nothing is
taken off. TensorFlow is imported by the driver only, before the clock runs.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from prepare import write_micrographs
from rich.console import Console
from rich.table import Table

from tem_rf.config.preparation import PreparationSettings
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.runs import RunFolder
from tem_rf.runs.events import Event, StatusEvent
from tem_rf.study.definition.definition import define_study
from tem_rf.study.driver import run_study
from tem_rf.study.events import RunEvent
from tem_rf.study.execution.clusters import LocalWorkers
from tem_rf.study.execution.dask_pool import DaskPool
from tem_rf.study.folder import StudyFolder
from tem_rf.study.search.search import Search

STUB = Path(__file__).parents[1] / "tests" / "helpers" / "stub_training.py"
SEEDS = (752, 140)


def main() -> None:
    options = _options()
    row = measure(options.networks, options.workers)
    if options.json:
        print(json.dumps({"study": row}))
        return
    table = Table("", "", title=f"{row['runs']} stub trainings on {row['workers']} workers", show_header=False)
    for name, value in row.items():
        table.add_row(name, str(value))
    Console().print(table)


def measure(networks: int, workers: int) -> dict[str, Any]:
    """Run a study of stub trainings, and count the results."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_micrographs(folder, count=10, size_px=512)
        prepare_dataset(folder, folder / "dataset", settings=PreparationSettings())
        study = new_study(folder / "dataset", folder / "study", networks)
        command = copying_command(Search(new_study(folder / "dataset", folder / "example", 1)).ask().runs[0])
        times: dict[str, float] = {}

        def listen(event: Event) -> None:
            if isinstance(event, StatusEvent):
                times[event.state] = event.time

        run_study(study, lambda each: DaskPool(LocalWorkers(workers), each.path), listener=listen, command=command)
        seconds = times["finished"] - times["running"]
        runs = networks * len(SEEDS)
        return {
            "runs": runs,
            "workers": workers,
            "complete": sum(run.is_scored for run in study.runs()),
            "trained_twice": len(_starts(study)) - len(set(_starts(study))),
            "start_up_s": round(times["running"] - times["starting"], 1),
            "study_s": round(seconds, 1),
            "overhead_per_run_s": round(seconds * workers / runs, 3),
        }


def new_study(dataset: Path, path: Path, networks: int) -> StudyFolder:
    """A study of small networks that differ in their filters, each trained for one epoch."""
    names = [f"n2-p22-f{1 + number}" for number in range(networks)]
    content = {"datasets": [dataset], "seeds": SEEDS, "space": {"networks": names}, "training": {"epochs": 1}}
    return StudyFolder.create_or_open(path, define_study(content))


def copying_command(example: RunFolder) -> tuple[str, ...]:
    """Train one run with the stub of the tests; return a command that copies its result to another run."""
    subprocess.run([sys.executable, STUB, example.path], check=True)
    files = shlex.join(map(str, (example.model_file, example.scores_file, example.events_file)))
    return ("sh", "-c", f'exec cp {files} "$0"')  # the run folder follows


def _starts(study: StudyFolder) -> list[str]:
    return [event.run for event in study.events() if isinstance(event, RunEvent) and event.state == "started"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=117, help="networks, with two seeds each")
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
