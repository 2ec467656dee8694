"""Soak test: small studies whose processes are killed and frozen, with an open terminal app and a segmentation loop.

Run: python benchmarks/soak.py [--minutes 120] [--keep FOLDER] [--json]
Needs some hundred MB of memory; as root it works on a small disk of its own and fills that as well in its second half.
One study after another is run on local workers or on a scheduler and workers of their own, each until it has finished.
Wanted at the end: every study's table equal to an undisturbed one's, frames segmented alike every time, no process
left, and no growth of memory of the app and of the drivers.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from prepare import write_micrographs
from rich.console import Console
from rich.table import Table
from soak_faults import Faults
from soak_loads import AppInTerminal, MemoryWatch, Segmentation
from soak_processes import MARK, kind_of, marked
from soak_study import StudyInTrouble, results_of

from tem_rf.config.preparation import preparation_settings
from tem_rf.data.preparation.prepare import prepare_dataset

DISK_MB = 600
SETTINGS = ("--epochs", "3", "--batch-size", "8", "--learning-rate", "0.01")
NETWORKS = tuple(f"n2-{pooling}-f{filters}" for pooling in ("p22", "p24") for filters in (1, 2, 4))
DEFINITION = """
datasets = ["{dataset}"]
seeds = {seeds}
space = {{networks = {networks}, within_patch = false}}
training = {{epochs = 5, batch_size = 8, learning_rate = 0.003}}
execution = {{workers = 2, retries = 100, worker_ttl_s = 8}}
"""
SEEDS = (752, 140)
END_LIMIT_S = 900.0
ORPHAN_LIMIT_S = 30.0
TICK_S = 0.5


def main() -> None:
    options = _options()
    mark = os.environ[MARK] = str(uuid.uuid4())
    with work_folder(options.keep) as (folder, disk):
        result = soak(folder, disk, mark, options.minutes, is_stub=options.stub)
    if options.json:
        print(json.dumps(result))
    else:
        table = Table("", "value", title=f"Soak of {result['minutes']} minutes")
        for key, value in result.items():
            table.add_row(key, json.dumps(value))
        Console().print(table)
    sys.exit(0 if result["passed"] else 1)


def soak(folder: Path, disk: Path | None, mark: str, minutes: float, *, is_stub: bool) -> dict[str, Any]:
    """Run studies with faults for a given time, and return the result."""
    definition = write_definition(folder)
    _say("a network to segment with")
    train = ["train", folder / "datasets" / "discs", "--network", "n2-p22", "--name", "one", *SETTINGS]
    subprocess.run([sys.executable, "-m", "tem_rf", *train, "--runs", folder / "runs"], check=True)
    expected = [undisturbed_results(definition, folder, is_elsewhere=each, is_stub=is_stub) for each in (False, True)]

    started = time.monotonic()
    app, memory = AppInTerminal(folder), MemoryWatch(mark)
    segmentation = Segmentation(folder, model=folder / "runs" / "one")
    faults = Faults(mark)
    differing, finished, restarts = [], 0, 0
    number = 0
    while time.monotonic() - started < 60 * minutes:
        number += 1
        is_elsewhere = number % 2 == 0
        study = StudyInTrouble(
            f"soak-{number:03}", definition, folder, has_scheduler_of_its_own=is_elsewhere, is_stub=is_stub
        )
        _say(f"{study.name} after {(time.monotonic() - started) / 60:.1f} minutes; so far {dict(faults.counts)}")
        deadline = started + 60 * minutes + END_LIMIT_S
        while not study.tick() and time.monotonic() < deadline:
            for load in (app, memory, segmentation):
                load.tick()
            if time.monotonic() - started < 60 * minutes:
                faults.disk = disk if time.monotonic() - started > 30 * minutes else None
                faults.tick()
            else:
                faults.end()
            time.sleep(TICK_S)
        study.end()
        restarts += study.restarts
        finished += study.is_finished
        differing += [f"{study.name}: {line}" for line in differences(expected[is_elsewhere], results_of(study.path))]
    faults.end()
    app_alive = app.is_alive()
    segmentation.end()
    app.end()
    left = orphans(mark)
    result = {
        "minutes": round((time.monotonic() - started) / 60, 1),
        "stub_trainings": is_stub,
        "disk_filled_in_the_second_half": disk is not None,
        "studies": number,
        "studies_finished": finished,
        "trainings": number * len(NETWORKS) * len(SEEDS),
        "faults": dict(sorted(faults.counts.items())),
        "driver_restarts": restarts,
        "lost_or_different_results": differing,
        "segmented": segmentation.count,
        "segmented_differently": segmentation.different,
        "segmenting_failed": segmentation.failures,
        "app_outlived_it": app_alive,
        "orphans": left,
        "memory": memory.summary(),
    }
    wrong = [differing, segmentation.different, segmentation.failures, left, finished < number, not app_alive]
    return {**result, "passed": not any(wrong)}


@contextlib.contextmanager
def work_folder(keep: Path | None) -> Iterator[tuple[Path, Path | None]]:
    """Yield a folder, and the same folder if it is on a small separate disk that may be filled."""
    folder = keep or Path(tempfile.mkdtemp(prefix="soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    is_disk = keep is None and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield folder, folder if is_disk else None
    finally:
        if is_disk:
            subprocess.run(["umount", "--lazy", folder], check=True)
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def write_definition(folder: Path) -> Path:
    """Make a dataset that is learned in seconds, frames to segment, and the definition of the study."""
    write_micrographs(folder, count=3, size_px=512)
    settings = preparation_settings(patch_size=64, background_threshold=20)
    prepare_dataset(folder, folder / "datasets" / "discs", settings=settings)
    definition = folder / "soak.toml"
    dataset, networks = folder / "datasets" / "discs", json.dumps(NETWORKS)
    definition.write_text(DEFINITION.format(dataset=dataset, networks=networks, seeds=list(SEEDS)))
    return definition


def undisturbed_results(definition: Path, folder: Path, *, is_elsewhere: bool, is_stub: bool) -> dict[str, Any]:
    """Return the results of the study without faults.

    Local workers share the cores, workers that were started by hand do not know of each other; the number of threads
    decides in which order a sum is taken, and so the last bits.
    """
    name = f"undisturbed-{'elsewhere' if is_elsewhere else 'local'}"
    _say(name)
    study = StudyInTrouble(name, definition, folder, has_scheduler_of_its_own=is_elsewhere, is_stub=is_stub)
    while not study.tick():
        time.sleep(TICK_S)
    study.end()
    return results_of(study.path)


def differences(expected: dict[str, Any], received: dict[str, Any]) -> list[str]:
    """Return the results that are missing, superfluous, or different from those of the undisturbed study."""
    return [
        f"{name}: {'missing' if name not in received else 'too many' if name not in expected else 'different'}"
        for name in sorted(expected.keys() | received.keys())
        if expected.get(name) != received.get(name)
    ]


def orphans(mark: str) -> list[str]:
    """Return the processes left after everything had time to end."""
    deadline = time.monotonic() + ORPHAN_LIMIT_S
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(TICK_S)
    described = []
    for process in left:
        with contextlib.suppress(psutil.Error):
            described.append(f"{kind_of(process)}: {' '.join(process.cmdline())[:120]}")
            process.kill()
    return described


def _say(text: str) -> None:
    print(f"soak: {text}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120, help="duration of the faults")
    parser.add_argument(
        "--stub", action="store_true", help="replace trainings by the stub of the tests, for a busy machine"
    )
    parser.add_argument("--keep", type=Path, help="work in this folder, keep it, and do not fill the disk")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
