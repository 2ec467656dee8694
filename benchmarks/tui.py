"""Response time and output volume of the terminal app, in a real pseudo-terminal.

Run: python benchmarks/tui.py [--runs 500] [--events-per-s 100] [--json]
Takes about a minute. Targets: first paint under 0.7 s, key to screen under 50 ms, under 20 kB/s while a training is
watched, all with 500 runs in the folder and 100 events/s coming in; under 1 % of a core in an empty folder.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app_terminal import app_terminal
from rich.console import Console
from rich.table import Table

from tem_rf import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.config.training import training_settings
from tem_rf.runs import RunConfig, RunFolder
from tem_rf.runs.events import EpochEvent, StatusEvent, StepEvent
from tem_rf.runs.process import claim

TRAIN_KEY, RESULTS_KEY = b"3", b"5"
EPOCHS = 100
EPOCH_S = 5
WATCHED_S = 10.0
SETTLED_S, IDLE_S = 8.0, 20.0
KEYS = 20
STARTS = 3


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = folder / "empty"
        empty.mkdir()
        watched = write_runs(folder / "runs", options.runs)
        with claim(watched), events_coming_in(watched, options.events_per_s):
            result = {
                "runs": options.runs,
                "events_per_s": options.events_per_s,
                "first_paint_empty_s": round(statistics.median(first_paint_s(empty) for _ in range(STARTS)), 3),
                "first_paint_s": round(statistics.median(first_paint_s(folder) for _ in range(STARTS)), 3),
                **measure_keys_and_bytes(folder),
                "idle_percent_of_a_core": round(idle_percent(empty), 2),
            }
    if options.json:
        print(json.dumps(result))
        return
    table = Table("", "value", title="Terminal app")
    for key, value in result.items():
        table.add_row(key, str(value))
    Console().print(table)


def write_runs(root: Path, count: int) -> RunFolder:
    """Make finished runs of 100 epochs, and one in training; return the latter."""
    for number in range(count):
        run = RunFolder.create_or_open(
            root / f"run-{number:04}",
            RunConfig(
                dataset=Path("/data/au-5nm"),
                dataset_sha256="0" * 64,
                pixel_size_nm=0.02,
                preprocessing=PreprocessingSettings(),
                architecture=Architecture((2, 4)),
                training=training_settings("paper", epochs=EPOCHS),
                seed=number,
            ),
        )
        is_watched = number == count - 1
        events = [StatusEvent(state="running"), *map(_epoch, range(1, 10 if is_watched else EPOCHS + 1))]
        if not is_watched:
            events.append(StatusEvent(state="finished"))
        run.events_file.write_text("".join(f"{event.model_dump_json()}\n" for event in events))
    os.utime(run.config_file, (time.time() + 60, time.time() + 60))  # newest: the cursor starts on it
    return run


@contextmanager
def events_coming_in(run: RunFolder, per_s: int) -> Iterator[None]:
    """Write steps at a steady rate, an epoch every few seconds, from another thread."""
    ended, log = threading.Event(), run.event_log()

    def write() -> None:
        number = 0
        while not ended.wait(1 / per_s):
            number += 1
            epoch, step = divmod(number, EPOCH_S * per_s)
            if step == 0:
                log.write(_epoch(min(EPOCHS, 10 + epoch)))
            log.write(
                StepEvent(
                    epoch=11 + epoch,
                    step=step + 1,
                    steps=EPOCH_S * per_s,
                    loss=1 / number,
                    patches_per_s=50 + step,
                    input_wait=0,
                )
            )

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def first_paint_s(folder: Path) -> float:
    """Measure the time from the start of the command until its tabs are sent to the terminal."""
    start = time.perf_counter()
    with app_terminal(folder, "tui", str(folder)) as app:
        app.read_until(b"Segment")
        return time.perf_counter() - start


def measure_keys_and_bytes(folder: Path) -> dict[str, float]:
    """Switch between screens, then watch a training for a while."""
    with app_terminal(folder, "tui", str(folder)) as app:
        app.read_until(b"Segment")
        app.write(RESULTS_KEY)
        app.read_until(b"validation")
        app.write(TRAIN_KEY)
        app.read_until(b"best dice")
        app.drain(5)
        delays = []
        for _ in range(KEYS):
            for key, mark in ((RESULTS_KEY, b"validation"), (TRAIN_KEY, b"best dice")):
                start = time.perf_counter()
                app.write(key)
                app.read_until(mark)
                delays.append(1000 * (time.perf_counter() - start))
                app.drain(0.3)
        app.drain(2)
        sent = app.drain(WATCHED_S)
    return {
        "key_to_screen_median_ms": round(statistics.median(delays), 1),
        "key_to_screen_95_ms": round(statistics.quantiles(delays, n=20)[-1], 1),
        "sent_kb_per_s": round(sent / WATCHED_S / 1000, 2),
    }


def idle_percent(folder: Path) -> float:
    """Measure the processor time of the app while nothing happens."""
    with app_terminal(folder, "tui", str(folder)) as app:
        app.read_until(b"Segment")
        app.drain(SETTLED_S)
        before = app.processor_s()
        app.drain(IDLE_S)
        return 100 * (app.processor_s() - before) / IDLE_S


def _epoch(number: int) -> EpochEvent:
    return EpochEvent(
        epoch=number, epochs=EPOCHS, loss=0.7 / number, soft_dice=0.8, hard_dice=0.9 - 0.5 / number,
        validation_loss=0.8 / number, validation_soft_dice=0.75, validation_hard_dice=0.85 - 0.4 / number,
        is_best=True, learning_rate=1e-4, patches_per_s=50, duration_s=EPOCH_S, input_wait=0, memory_mb=700,
    )  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500, help="runs in the folder")
    parser.add_argument("--events-per-s", type=int, default=100, help="events of the run that is watched")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
