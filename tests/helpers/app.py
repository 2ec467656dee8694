"""The app driven without a terminal, and runs for it whose events are written by hand."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from textual.pilot import Pilot

from tem_rf import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.config.training import training_settings
from tem_rf.metrics.scores import ImageScores, write_scores
from tem_rf.runs import RunConfig, RunFolder
from tem_rf.runs.events import EpochEvent, StatusEvent
from tem_rf_tui.app import TemRfApp

SNAPSHOTS = Path(__file__).parents[1] / "tui" / "snapshots"
NARROW, WIDE = (80, 24), (160, 48)
_START = 1_700_000_000.0

_TOLD: WeakKeyDictionary[TemRfApp, list[str]] = WeakKeyDictionary()
Script = Callable[[TemRfApp, Pilot[None]], Awaitable[None]]


def drive(folder: Path, script: Script, *, size: tuple[int, int] = NARROW) -> None:
    """Run the app on a folder, and a script of keys in it."""

    async def run() -> None:
        app = TemRfApp(folder)
        app.animation_level = "none"
        _record_notifications(app)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: bool(app.query("TabScreen")))
            await script(app, pilot)

    asyncio.run(run())


def _record_notifications(app: TemRfApp) -> None:
    notify, messages = app.notify, _TOLD.setdefault(app, [])

    def notify_and_record(message: str, **options: Any) -> None:
        messages.append(app.hint(message))
        notify(message, **options)

    app.notify = notify_and_record  # type: ignore[method-assign]


async def until(pilot: Pilot[None], holds: Callable[[], bool], *, seconds: float = 10) -> None:
    """Wait until something holds; the test fails where it never does."""
    for _ in range(int(seconds / 0.05)):
        await pilot.pause(0.05)
        if holds():
            return
    raise AssertionError("it never came to hold")


def screen_text(app: TemRfApp) -> str:
    """What stands on the screen."""
    svg = app.export_screenshot()
    return "\n".join(re.findall(r">([^<>\n]+)</text>", svg)).replace("&#160;", " ")


def make_run(
    root: Path, name: str, *, epochs: int = 5, total: int = 5, state: str = "finished", **changes: Any
) -> RunFolder:
    """A run with made-up curves; `changes` are fields of its configuration."""
    fields = {
        "dataset": Path("/data/au-5nm"),
        "dataset_sha256": "0" * 64,
        "pixel_size_nm": 0.02,
        "preprocessing": PreprocessingSettings(),
        "architecture": Architecture((2, 4)),
        "training": training_settings("paper", epochs=total),
        "seed": 752,
    }
    run = RunFolder.create_or_open(root / name, RunConfig(**fields | changes))
    os.utime(run.config_file, (_START, _START))
    log = run.event_log()
    log.write(StatusEvent(time=_START, state="starting"))
    log.write(StatusEvent(time=_START + 1, state="running"))
    for number in range(1, epochs + 1):
        log.write(epoch(number, total))
    if state not in ("starting", "running"):
        log.write(StatusEvent(time=_START + 100, state=state))
    return run


def epoch(number: int, total: int) -> EpochEvent:
    """Curves that come down and go up."""
    return EpochEvent(
        time=_START + 10 * number,
        epoch=number,
        epochs=total,
        loss=0.7 / number,
        soft_dice=0.8 - 0.5 / number,
        hard_dice=0.9 - 0.5 / number,
        validation_loss=0.8 / number,
        validation_soft_dice=0.75 - 0.4 / number,
        validation_hard_dice=0.85 - 0.4 / number,
        is_best=True,
        learning_rate=1e-4,
        patches_per_s=50.0,
        duration_s=10.0,
        input_wait=0.01,
        memory_mb=700.0,
    )


def give_scores(run: RunFolder, *hard_dice: float) -> None:
    """Scores of an evaluation, an image each."""
    write_scores(
        run.scores_file,
        [
            ImageScores(f"au_{number}.tif", 0, 0, value - 0.1, value, 0.5, 1.0, 2.0, 0.02, 0.04)
            for number, value in enumerate(hard_dice)
        ],
    )


async def assert_snapshot(pilot: Pilot[None], name: str) -> None:
    """Wait until the screen is the SVG of this name; TEM_RF_SNAPSHOTS=write writes it anew."""
    path = SNAPSHOTS / f"{name}.svg"

    def screen() -> str:
        return pilot.app.export_screenshot(simplify=True)

    if os.environ.get("TEM_RF_SNAPSHOTS") == "write":
        await pilot.pause(1)
        path.parent.mkdir(exist_ok=True)
        path.write_text(screen(), encoding="utf-8")
    wanted = path.read_text(encoding="utf-8")
    try:
        await until(pilot, lambda: screen() == wanted)
    except AssertionError:
        raise AssertionError(f"{path} differs; look at it, then TEM_RF_SNAPSHOTS=write") from None


def told(app: TemRfApp) -> str:
    """What the app said in its notifications."""
    return "\n".join(_TOLD.get(app, []))
