"""The Train screen: the form, the runs, the keys."""

import itertools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tem_rf.jobs.launch import train_in_background
from tem_rf.runs import process
from tem_rf.runs.events import StatusEvent
from tem_rf.runs.view import view_run
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.screens.new_training import NewTrainingScreen
from tem_rf_tui.screens.train import TrainScreen, launched_text
from tem_rf_tui.ticks import even_ticks
from tem_rf_tui.widgets.curves import CurvePlot, Curves
from tem_rf_tui.widgets.run_table import RunTable
from tests.helpers.app import NARROW, WIDE, assert_snapshot, drive, epoch, make_run, screen_text, told, until


async def _press_new(app: TemRfApp, pilot: Pilot[None]) -> None:
    """Open the Train tab and its form; the tab has to have the focus before a key of its own means anything."""
    await pilot.press("3")
    await until(pilot, lambda: app.focused is not None and any(
        isinstance(widget, TrainScreen) for widget in app.focused.ancestors_with_self
    ))  # fmt: skip
    await pilot.press("n")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that would have been started."""
    names: list[str] = []
    monkeypatch.setattr(
        process, "start_detached", lambda queue: names.extend(entry.run for entry in queue.read().waiting)
    )
    return names


@pytest.fixture
def with_dataset(folder: Path, tiny_dataset: Path) -> Path:
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")
    return folder


def _text(app: TemRfApp, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).render())


def test_an_empty_folder_says_how_to_begin(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "Press n to set up a training" in screen_text(app))
        await pilot.press("s", "p", "r")
        await until(pilot, lambda: told(app).count("No runs yet") == 3)

    drive(folder, script)


def test_the_form_starts_one_run(with_dataset: Path, started: list[str]) -> None:
    make_run(with_dataset / "runs", "older")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _press_new(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        app.screen.query_one("#field-network", Input).value = "n2-p22"
        app.screen.query_one("#field-epochs", Input).value = "7"
        await pilot.pause(0.1)
        assert "one run, 7 epochs, on datasets/discs" in _text(app, "#summary")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: started == ["discs-n2-p22-best-s752"])
        await until(pilot, lambda: [run.state for run in app.runs] == ["queued", "finished"])
        assert app.runs[0].config.training.epochs == 7
        assert app.query_one(RunTable).chosen.run.name == started[0]  # the older run gives the cursor up

    drive(with_dataset, script)


def test_several_networks_and_seeds_are_one_queue(with_dataset: Path, started: list[str]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _press_new(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        app.screen.query_one("#field-network", Input).value = "n2-p22,n2-p24"
        app.screen.query_one("#field-seed", Input).value = "752,140"
        await pilot.pause(0.1)
        assert "4 runs, one per GPU, or one on the CPU" in _text(app, "#summary")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "4 runs: 1 starting, 3 waiting in the queue" in told(app))
        await until(pilot, lambda: [run.state for run in app.runs] == ["queued"] * 4)
        name = app.query_one(RunTable).chosen_name
        await pilot.press("s")
        await until(pilot, lambda: f"{name}: removed from the queue" in told(app))
        await until(pilot, lambda: [run.state for run in app.runs].count("queued") == 3)

    drive(with_dataset, script)
    assert started[:2] == ["discs-n2-p22-best-s752", "discs-n2-p22-best-s140"]
    assert len(started) == 4


def test_a_training_from_a_model_is_planned_by_a_process_that_may_load_keras(
    with_dataset: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(with_dataset / "runs", "planned")
    monkeypatch.setattr("tem_rf_tui.screens.new_training.plan_runs", lambda request: pytest.fail("planned here"))
    commands: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        if len(commands) == 1:
            return subprocess.CompletedProcess(command, 1, "", "tem-rf: nowhere: no such model.\n")
        row = {"run": str(with_dataset / "runs" / "planned"), "state": "queued", "position": 2}
        return subprocess.CompletedProcess(command, 0, json.dumps(row), "")

    monkeypatch.setattr("tem_rf.jobs.launch.subprocess.run", run)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _press_new(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        app.screen.query_one("#field-network", Input).value = ""
        app.screen.query_one("#field-start_from", Input).value = "nowhere"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "nowhere: no such model." in _text(app, "#summary"))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "planned: waiting in the queue, position 2" in told(app))

    drive(with_dataset, script)
    assert commands[0][3:5] == ["train", str(with_dataset / "datasets" / "discs")]
    assert commands[0][commands[0].index("--from") :][:2] == ["--from", "nowhere"]
    assert commands[0][-2:] == ["--detach", "--json"]


def test_a_second_app_does_not_say_that_it_started_what_the_first_one_did(folder: Path) -> None:
    run = make_run(folder / "runs", "a", epochs=2, total=9, state="running")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: bool(app.runs) and len(app.query_one(RunTable).rows) == 1)
        with process.claim(run):
            app.query_one(TrainScreen).train_again(run)
            await until(pilot, lambda: "a: already training" in told(app))
        assert ": starting" not in told(app)

    drive(folder, script)


def test_a_run_that_another_app_has_queued_is_not_said_to_be_started_by_this_one(
    folder: Path, started: list[str]
) -> None:
    run = make_run(folder / "runs", "a", epochs=2, total=9, state="stopped")
    assert launched_text(train_in_background([run])) == "a: starting"
    assert launched_text(train_in_background([run])) == "a: already starting"


def test_the_ticks_of_epochs_are_evenly_spaced_whole_numbers() -> None:
    for last in range(2, 300):
        ticks = even_ticks(1, last, 5, whole=True)
        steps = {right - left for left, right in itertools.pairwise(ticks)}
        assert len(steps) == 1, (last, ticks)
        assert all(isinstance(tick, int) for tick in ticks)
        assert len(ticks) >= 2


def test_validation_is_drawn_as_finely_as_training(folder: Path) -> None:
    make_run(folder / "runs", "a", epochs=5)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: bool(app.query(CurvePlot)) and bool(app.query_one(Curves).runs))
        await pilot.pause(0.2)
        drawn = app.query_one("#dice", CurvePlot).plt.build()
        assert "∙" not in drawn
        assert len({each for each in drawn if "\u2800" < each <= "\u28ff"}) > 5  # many shapes of braille cells

    drive(folder, script)


@pytest.mark.parametrize(
    ("field", "text", "problem"),
    [
        ("#field-epochs", "many", "epochs: expected a whole number"),
        ("#field-learning_rate", "-1", "learning rate: input should be greater than 0"),
        ("#field-network", "n2-p4", "depth 2 needs 2 pooling sizes"),
        ("#field-seed", "one", "seed: expected a whole number"),
    ],
)
def test_what_is_wrong_is_said_while_one_types(
    with_dataset: Path, started: list[str], field: str, text: str, problem: str
) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _press_new(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        app.screen.query_one(field, Input).value = text
        await until(pilot, lambda: problem in _text(app, "#summary"))
        await pilot.press("ctrl+s")
        await pilot.pause(0.3)
        assert isinstance(app.screen, NewTrainingScreen)

    drive(with_dataset, script)
    assert started == []


def test_a_network_that_does_not_fit_the_patches_is_refused_with_the_way_on(
    with_dataset: Path, started: list[str]
) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _press_new(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        app.screen.query_one("#field-network", Input).value = "n2-p88"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "patch size 32 is not divisible" in _text(app, "#summary"))

    drive(with_dataset, script)
    assert started == []


def test_a_dataset_that_vanished_is_said_in_words(with_dataset: Path, started: list[str]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _press_new(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        shutil.rmtree(with_dataset / "datasets")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "is not a dataset" in _text(app, "#summary"))

    drive(with_dataset, script)


def test_runs_that_cannot_be_written_are_said_in_words(with_dataset: Path, started: list[str]) -> None:
    (with_dataset / "runs").write_text("a file stands in the way")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _press_new(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "runs" in _text(app, "#summary") and "checking" not in _text(app, "#summary"))
        assert isinstance(app.screen, NewTrainingScreen)

    drive(with_dataset, script)
    assert started == []


def _epochs_drawn(app: TemRfApp) -> int:
    return sum(len(run.epochs) for curves in app.query(Curves) for run in curves.runs)


def test_curves_grow_as_epochs_come(folder: Path) -> None:
    run = make_run(folder / "runs", "a", epochs=2, total=9, state="stopped")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: _epochs_drawn(app) == 2)
        run.event_log().write(epoch(3, 9))
        await until(pilot, lambda: _epochs_drawn(app) == 3)
        assert "3/9" in screen_text(app)

    drive(folder, script)


def test_the_loss_has_a_logarithmic_axis(folder: Path) -> None:
    make_run(folder / "runs", "a")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: bool(app.query(CurvePlot)))
        await pilot.press("l")
        assert app.query_one("#loss", CurvePlot).border_title == "loss, log scale"
        await pilot.press("l")
        assert app.query_one("#loss", CurvePlot).border_title == "loss"

    drive(folder, script)


def test_a_killed_run_says_how_to_go_on_and_goes_on(folder: Path, started: list[str]) -> None:
    make_run(folder / "runs", "a", epochs=2, total=9, state="running")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "killed" in screen_text(app), seconds=5)
        assert "press r to resume from the latest checkpoint" in " ".join(_text(app, "#headline").split())
        await pilot.press("r")
        await until(pilot, lambda: app.runs[0].state == "queued")

    drive(folder, script, size=WIDE)
    assert started == ["a"]


def test_a_finished_run_is_extended_and_started(folder: Path, started: list[str]) -> None:
    make_run(folder / "runs", "a", epochs=5, total=5)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: bool(app.runs) and len(app.query_one(RunTable).rows) == 1)
        await pilot.press("e", "ctrl+u", "8", "ctrl+s")
        await until(pilot, lambda: app.runs[0].state == "queued")
        await until(pilot, lambda: app.runs[0].total_epochs == 8)
        await pilot.press("e", "ctrl+u", "6", "ctrl+s")
        await until(pilot, lambda: "fewer than the 8" in told(app))

    drive(folder, script, size=WIDE)
    assert started == ["a"]


def test_a_run_that_is_being_trained_is_asked_for_more_epochs(folder: Path, started: list[str]) -> None:
    run = make_run(folder / "runs", "a", epochs=2, total=5, state="running")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: bool(app.runs) and len(app.query_one(RunTable).rows) == 1)
        await pilot.press("e", "ctrl+u", "9", "ctrl+s")
        await until(pilot, lambda: "extended to 9 epochs" in told(app))
        await until(pilot, lambda: app.runs[0].total_epochs == 9)

    with process.claim(run):
        drive(folder, script, size=WIDE)
    assert started == []


def test_the_form_sets_augmentation(with_dataset: Path, started: list[str]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _press_new(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: bool(app.screen.query("#field-noise_sd")))
        app.screen.query_one("#field-noise_sd", Input).value = "-1"
        await until(pilot, lambda: "noise sd: input should be greater" in _text(app, "#summary"))
        app.screen.query_one("#field-noise_sd", Input).value = "0.5"
        app.screen.query_one("#field-network", Input).value = "n2-p22"
        await until(pilot, lambda: "one run" in _text(app, "#summary"))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: started == ["discs-n2-p22-best-augmented-s752"])
        await until(pilot, lambda: len(app.runs) == 1)
        assert app.runs[0].config.augmentation.noise_sd == 0.5

    drive(with_dataset, script)


def test_pause_stop_and_go_on_are_requests_to_the_process(folder: Path) -> None:
    run = make_run(folder / "runs", "a", epochs=2, total=9, state="running")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: bool(app.runs) and app.runs[0].state == "running")
        await pilot.press("p")
        assert process.requested(run) == "pause"
        run.event_log().write(StatusEvent(state="paused"))
        await until(pilot, lambda: "paused; press p" in screen_text(app))
        await pilot.press("p")
        assert process.requested(run) is None
        await pilot.press("s")
        assert process.requested(run) == "stop"

    with process.claim(run):
        drive(folder, script)


def test_stop_of_a_run_without_a_process_is_said_in_words(folder: Path) -> None:
    make_run(folder / "runs", "a", epochs=2, total=9, state="stopped")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: len(app.runs) == 1)
        await pilot.press("s")
        await until(pilot, lambda: "no process is training this run" in told(app))

    drive(folder, script, size=WIDE)


def test_a_run_folder_removed_under_it_leaves_the_table(folder: Path) -> None:
    run = make_run(folder / "runs", "a")
    make_run(folder / "runs", "b")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: len(app.query_one(RunTable).rows) == 2)
        shutil.rmtree(run.path)
        await until(pilot, lambda: len(app.query_one(RunTable).rows) == 1)
        assert app.query_one(RunTable).chosen.run.name == "b"

    drive(folder, script)


def test_the_log_shows_what_happened_and_what_was_said(folder: Path) -> None:
    run = make_run(folder / "runs", "a", state="failed")
    run.log_file.write_text("the loss became NaN\n")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: len(app.runs) == 1)
        await pilot.press("v", "v")
        await until(pilot, lambda: "the loss became NaN" in screen_text(app))
        await pilot.press("v")
        await until(pilot, lambda: "learning rate" in screen_text(app))

    drive(folder, script, size=WIDE)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_it_looks_as_it_did(folder: Path, size: tuple[int, int]) -> None:
    make_run(folder / "runs", "au-5nm-n2-p24-paper-s752", epochs=12, total=12)
    make_run(folder / "runs", "au-5nm-n2-p24-paper-s140", epochs=3, total=12, state="stopped")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: _epochs_drawn(app) == 3)
        await assert_snapshot(pilot, f"train-{size[0]}x{size[1]}")

    drive(folder, script, size=size)


def test_it_can_be_made_narrow_and_wide_again(folder: Path) -> None:
    make_run(folder / "runs", "a")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: len(app.runs) == 1)
        for size in ((40, 12), (200, 60), NARROW):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.1)
        assert "Curves" in screen_text(app)

    drive(folder, script, size=WIDE)


def test_without_a_dataset_the_form_opens_and_says_how_to_get_one(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _press_new(app, pilot)
        await until(pilot, lambda: isinstance(app.screen, NewTrainingScreen))
        assert "No dataset is given" in _text(app, "#summary")

    drive(folder, script)


def test_an_epoch_that_comes_while_the_tab_is_left_is_drawn_when_it_is_opened_again(folder: Path) -> None:
    run = make_run(folder / "runs", "a", epochs=4, total=60, state="running")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "4/60" in screen_text(app))
        curves, plot = app.query_one(Curves), app.query_one("#dice", CurvePlot)
        log = run.event_log()
        for number in range(5, 31):
            log.write(epoch(number, 60))
        curves.show([view_run(run)])  # draws a moment later, when the tab is no longer open
        await pilot.press("5")
        await until(pilot, lambda: not plot.is_on_screen)
        await pilot.pause(0.2)
        await pilot.press("3")
        await until(pilot, lambda: "\n25\n" in screen_text(app) and "30/60" in screen_text(app))

    drive(folder, script, size=WIDE)


def test_plots_without_an_epoch_say_when_they_are_drawn(folder: Path) -> None:
    make_run(folder / "runs", "a", epochs=0, state="stopped")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: screen_text(app).count("drawn from the first epoch on") == 2)
        assert "┈┈ training" not in screen_text(app)

    drive(folder, script)


def test_a_killed_run_whose_log_ends_with_an_error_says_it(folder: Path) -> None:
    run = make_run(folder / "runs", "a", epochs=2, state="running")
    run.log_file.write_text(f"started\ntem-rf: {run.path}/checkpoint/1.npz: became larger than a limit allows.\n")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: bool(app.query("#headline")))
        await until(pilot, lambda: "larger than a limit allows; press r to resume" in _text(app, "#headline"))
        headline = app.query_one("#headline")
        await until(pilot, lambda: headline.virtual_size.height == headline.size.height > 3)  # whole

    drive(folder, script, size=WIDE)
