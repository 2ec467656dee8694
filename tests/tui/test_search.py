"""The Search screen: the form, the studies, their trials as they go, the keys."""

import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tem_rf import Architecture
from tem_rf.config.training import training_settings
from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import NoticeEvent, StatusEvent
from tem_rf.study.definition.definition import define_study
from tem_rf.study.events import RunEvent, TrialEvent, Worker, WorkersEvent
from tem_rf.study.folder import StudyFolder
from tem_rf.study.view import StudyTracker
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.screens.new_study import NewStudyScreen
from tem_rf_tui.study_trials import best_per_depth, trials_of
from tem_rf_tui.widgets.curves import Curves
from tem_rf_tui.widgets.field_plot import FieldPlot
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.study_detail import progress
from tem_rf_tui.widgets.study_table import StudyTable
from tem_rf_tui.widgets.trial_table import TrialTable
from tests.helpers.app import NARROW, WIDE, assert_snapshot, drive, epoch, make_run, screen_text, told, until

_NETWORKS = ("n2-p22", "n2-p24", "n2-p44", "n3-p222", "n3-p224", "n3-p244")
_START = 1_700_000_000.0


@pytest.fixture
def with_dataset(folder: Path, tiny_dataset: Path) -> Path:
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")
    return folder


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that would have been started."""
    lines = []
    monkeypatch.setattr(
        "tem_rf_tui.jobs.JobBoard.start", lambda self, title, arguments, ending="done": lines.append(list(arguments))
    )
    return lines


def _study(folder: Path, name: str = "figure-2", **changes: Any) -> StudyFolder:
    definition = {
        "datasets": [str(folder / "datasets" / "discs")],
        "seeds": [752, 140],
        "space": {"networks": list(_NETWORKS), "within_patch": False},
        "training": {"recipe": "paper", "epochs": 5},
    }
    return StudyFolder.create_or_open(folder / "studies" / name, define_study(definition | changes))


def _run(study: StudyFolder, network: str, seed: int, *, epochs: int = 5, state: str = "finished") -> RunFolder:
    """A run of a study; more epochs, more dice."""
    return make_run(
        study.runs_folder,
        f"discs-paper-{network}-s{seed}",
        epochs=epochs,
        total=5,
        state=state,
        architecture=Architecture.from_name(network),
        seed=seed,
        training=training_settings("paper", epochs=5),
    )


def _trial(study: StudyFolder, network: str, state: str, **changes: Any) -> None:
    study.event_log().write(
        TrialEvent(time=_START + 50, state=state, trial="0", setup="discs-paper", architecture=network, **changes)
    )


@pytest.fixture
def with_study(with_dataset: Path) -> StudyFolder:
    """A study whose driver says it is running: five trials, one of them failed, one under way."""
    study = _study(with_dataset)
    log = study.event_log()
    log.write(StatusEvent(time=_START, state="starting"))
    log.write(StatusEvent(time=_START + 1, state="running"))
    log.write(NoticeEvent(time=_START + 2, message="one worker per GPU"))
    for network, epochs in (("n2-p22", (3, 4)), ("n2-p24", (5, 4)), ("n3-p222", (4, 5))):
        for seed, count in zip((752, 140), epochs, strict=True):
            _run(study, network, seed, epochs=count)
        _trial(study, network, "finished", objective=0.75)
    _run(study, "n2-p44", 752)
    _run(study, "n2-p44", 140, epochs=2, state="failed")
    log.write(RunEvent(time=_START + 40, state="failed", run="discs-paper-n2-p44-s140", worker="gpu0", detail="NaN"))
    _trial(study, "n2-p44", "failed", detail="the loss became NaN")
    _run(study, "n3-p224", 752)
    _run(study, "n3-p224", 140, epochs=2, state="stopped")
    workers = (
        Worker(name="gpu0", state="busy", host="box", device="GPU 0", run="discs-paper-n3-p224-s140"),
        Worker(name="gpu1", state="lost", host="box", device="GPU 1"),
    )
    log.write(WorkersEvent(time=_START + 60, workers=workers))
    return study


def test_every_key_has_room_beside_a_study(with_study: StudyFolder) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        line = app.screen.query_one(KeyLine)
        await until(pilot, lambda: "c Curves" in str(line.render()))
        assert str(line.render()).endswith("? Help  q Quit")
        assert len(str(line.render())) <= NARROW[0] - 2

    drive(with_study.path.parent.parent, script)


async def _open(app: TemRfApp, pilot: Pilot[None], trials: int = 5) -> None:
    await pilot.press("4")
    await until(pilot, lambda: bool(app.query(TrialTable)) and len(app.query_one(TrialTable).rows) == trials)


def _rows(app: TemRfApp) -> list[list[Any]]:
    return [list(row) for row in app.query_one(TrialTable).rows]


def _text(app: TemRfApp, selector: str) -> str:
    return " ".join(str(app.screen.query_one(selector, Static).render()).split())


def test_an_empty_folder_says_how_to_begin(folder: Path) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("4")
        await until(pilot, lambda: "Press n to define and start one" in screen_text(app))
        await pilot.press("s", "r", "K", "x", "d", "o", "v")
        await until(pilot, lambda: told(app).count("No studies yet") == 3)
        assert "No trials yet" in told(app)

    drive(folder, script)


def test_a_trial_is_mean_and_sd_over_the_seeds_that_are_done(with_study: StudyFolder) -> None:
    study = StudyTracker(with_study.path.parent).poll()[0]
    trials = {trial.architecture.name: trial for trial in trials_of(study, "discs-paper")}
    assert list(trials) == ["n2-p22", "n2-p24", "n2-p44", "n3-p222", "n3-p224"]  # by depth, then field
    assert trials["n2-p22"].objective_text == "0.733 ± 0.024"  # 0.85 - 0.4 / 3 and 0.85 - 0.4 / 4
    assert trials["n3-p224"].objective_text == "0.770"
    assert (trials["n3-p224"].seeds_done, trials["n3-p224"].seeds, trials["n3-p224"].epochs) == (1, 2, (7, 10))
    assert (trials["n2-p44"].state, trials["n2-p44"].detail) == ("failed", "the loss became NaN")
    assert [trial.architecture.name for trial in best_per_depth(trials.values())] == ["n2-p24", "n3-p224"]


def test_the_table_and_the_plot_grow_as_trials_end(with_study: StudyFolder) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        assert _rows(app)[0][1:] == ["n2-p22", " 44 px  0.88 nm", "0.733 ± 0.024", "2/2", "7/10"]
        assert len(app.query_one(FieldPlot).trials) == 4  # one has failed
        _run(with_study, "n3-p244", 752)
        await until(pilot, lambda: len(app.query_one(TrialTable).rows) == 6)
        await until(pilot, lambda: len(app.query_one(FieldPlot).trials) == 5)
        RunFolder(with_study.runs_folder / "discs-paper-n3-p224-s140").event_log().write(epoch(3, 5))
        await until(pilot, lambda: _rows(app)[4][5] == "8/10")

    drive(with_study.path.parents[1], script)


def test_the_best_trials_can_stand_first(with_study: StudyFolder) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("o")
        assert [row[1] for row in _rows(app)][:2] == ["n2-p44", "n3-p224"]
        await pilot.press("o")
        assert _rows(app)[0][1] == "n2-p22"

    drive(with_study.path.parents[1], script)


def test_workers_mishaps_and_notices_are_told(with_study: StudyFolder) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await until(pilot, lambda: "1 of 1 workers busy" in _text(app, "#study-progress"))
        assert "8 of 12 runs finished" in _text(app, "#study-progress")
        await pilot.press("v", "v")  # the second key finds the focus, though the trials are hidden
        await until(pilot, lambda: "† gpu1 lost on box GPU 1" in _text(app, "#study-log"))
        log = _text(app, "#study-log")
        assert "one worker per GPU" in log
        assert "discs-paper-n2-p44-s140 failed on gpu0: NaN" in log
        assert "the loss became NaN" in log

    with process.claim(with_study):
        drive(with_study.path.parents[1], script)


def test_a_killed_driver_says_how_to_go_on_and_goes_on(with_study: StudyFolder, commands: list[list[str]]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await until(pilot, lambda: "press r to resume (tem-rf study run figure-2)" in _text(app, "#study-headline"))
        assert "† killed" in screen_text(app)
        assert "The study is not running" in _text(app, "#study-log")
        await pilot.press("r", "R")

    drive(with_study.path.parents[1], script)
    run = ["study", "run", str(with_study.path), "--detach"]
    assert commands == [run, [*run, "--retry-failed"]]


def test_stop_and_kill_are_requests_to_the_driver(with_study: StudyFolder) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("s")
        assert process.requested(with_study) == "stop"
        await pilot.press("K")
        assert process.requested(with_study) == "cancel"
        await pilot.press("r")
        await until(pilot, lambda: "is already running" in told(app))

    with process.claim(with_study):
        drive(with_study.path.parents[1], script)


def test_stop_without_a_driver_is_said_in_words(with_study: StudyFolder) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("s")
        await until(pilot, lambda: "no process is running this study" in told(app))

    drive(with_study.path.parents[1], script)


def test_a_trial_is_cancelled_by_stopping_its_trainings(with_study: StudyFolder) -> None:
    run = _run(with_study, "n2-p22", 2245, epochs=1, state="running")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        app.query_one(TrialTable).focus()
        await pilot.press("x")
        assert process.requested(run) == "stop"
        assert "stop requested for 1 run" in told(app)
        await pilot.press("down", "x")
        await until(pilot, lambda: "no run is training" in told(app))

    with process.claim(run):
        drive(with_study.path.parents[1], script)


def test_each_dataset_has_its_own_trials(with_dataset: Path) -> None:
    shutil.copytree(with_dataset / "datasets" / "discs", with_dataset / "datasets" / "more")
    study = _study(with_dataset, datasets=[str(with_dataset / "datasets" / name) for name in ("discs", "more")])
    _run(study, "n2-p22", 752)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot, trials=1)
        await until(pilot, lambda: "discs-paper (1 of 2, d: next)" in _text(app, "#study-progress"))
        await pilot.press("d")
        assert "more-paper (2 of 2" in _text(app, "#study-progress")
        assert len(app.query_one(TrialTable).rows) == 0

    drive(with_dataset, script)


def test_a_study_that_vanishes_leaves_the_table(with_study: StudyFolder) -> None:
    _study(with_study.path.parents[1], "other")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        assert len(app.query_one(StudyTable).rows) == 2
        shutil.rmtree(with_study.path)
        await until(pilot, lambda: len(app.query_one(StudyTable).rows) == 1)
        assert app.query_one(StudyTable).chosen_name == "other"
        shutil.rmtree(with_study.path.parent)
        await until(pilot, lambda: "Press n to define and start one" in screen_text(app))

    drive(with_study.path.parents[1], script)


def test_a_half_written_event_and_a_damaged_definition_are_no_end(with_study: StudyFolder) -> None:
    other = _study(with_study.path.parents[1], "other")
    other.definition_file.write_text("seeds = [1,")
    with with_study.events_file.open("a") as file:
        file.write('{"kind":"trial","state":"fini')

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await until(pilot, lambda: "? unreadable" in screen_text(app))
        app.query_one(StudyTable).focus()
        await pilot.press("down")
        await until(pilot, lambda: "is not valid TOML" in _text(app, "#study-headline"))

    drive(with_study.path.parents[1], script)


def test_a_dataset_that_vanished_leaves_the_trials(with_study: StudyFolder) -> None:
    shutil.rmtree(with_study.path.parents[1] / "datasets")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        assert "8 of ? runs finished" in _text(app, "#study-progress")

    drive(with_study.path.parents[1], script)


def test_the_form_starts_a_study(with_dataset: Path, commands: list[list[str]]) -> None:
    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("4", "n")
        await until(pilot, lambda: isinstance(app.screen, NewStudyScreen))
        app.screen.query_one("#study-name", Input).value = "mine"
        for field, text in {"networks": "n2-p22,n2-p24", "seeds": "1, 2", "epochs": "7"}.items():
            app.screen.query_one(f"#field-{field}", Input).value = text
        await until(pilot, lambda: "the closest is n2-p22 with" in _text(app, "#summary"))
        app.screen.query_one("#field-networks", Input).value = "n2-p22-k1,n2-p24-k1"
        await until(
            pilot, lambda: "4 runs: 2 networks (depth 2: 2), 2 seeds each, on discs-best" in _text(app, "#summary")
        )
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(commands) == 1)
        await until(pilot, lambda: app.query_one(StudyTable).chosen_name == "mine")

    drive(with_dataset, script)
    study = StudyFolder.open(with_dataset / "studies" / "mine")
    assert commands == [["study", "run", str(study.path), "--detach"]]
    assert study.definition.seeds == (1, 2)
    assert study.definition.training[0].epochs == 7
    assert study.definition.datasets == (with_dataset / "datasets" / "discs",)


def test_what_is_wrong_is_said_while_one_types(with_dataset: Path, commands: list[list[str]]) -> None:
    wrong = {
        ("study-name", "a/b"): "name: only letters, digits",
        ("field-datasets", ""): "No dataset is given; prepare one on the Data screen",
        ("field-datasets", "nowhere"): "nowhere: is not a dataset",
        ("field-networks", "n2-p4"): "depth 2 needs 2 pooling sizes",
        ("field-seeds", "one"): "seeds: expected a whole number",
        ("field-seeds", "1,1"): "seeds: the same value is given twice",
        ("field-budget", "0"): "budget: input should be greater than or equal to 1",
        ("field-epochs", "many"): "epochs: expected a whole number",
    }

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        def says(problem: str) -> bool:
            return problem in _text(app, "#summary")

        await pilot.press("4", "n")
        await until(pilot, lambda: isinstance(app.screen, NewStudyScreen))
        for (field, text), problem in wrong.items():
            box = app.screen.query_one(f"#{field}", Input)
            right, box.value = box.value, text
            await until(pilot, partial(says, problem))
            await pilot.press("ctrl+s")
            await pilot.pause(0.2)
            assert isinstance(app.screen, NewStudyScreen)
            box.value = right

    drive(with_dataset, script)
    assert commands == []
    assert not (with_dataset / "studies").exists()


def test_a_folder_that_cannot_be_written_to_is_said_in_words(with_dataset: Path, commands: list[list[str]]) -> None:
    (with_dataset / "studies").write_text("a file stands in the way")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("4", "n")
        await until(pilot, lambda: isinstance(app.screen, NewStudyScreen))
        app.screen.query_one("#field-networks", Input).value = "n2-p22-k1"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "studies" in _text(app, "#summary") and "✗" in _text(app, "#summary"))

    drive(with_dataset, script)
    assert commands == []


def test_trainings_of_a_further_recipe_of_the_same_name_count_there_alone(with_dataset: Path) -> None:
    study = _study(
        with_dataset, training=[{"recipe": "paper", "epochs": 5}, {"recipe": "paper", "epochs": 5, "batch_size": 8}]
    )
    _run(study, "n2-p22", 752)
    for seed in (752, 140):
        make_run(
            study.runs_folder,
            f"discs-paper-2-n2-p22-s{seed}",
            epochs=5,
            total=5,
            state="finished",
            architecture=Architecture.from_name("n2-p22"),
            seed=seed,
            training=training_settings("paper", epochs=5, batch_size=8),
        )
    study.event_log().write(StatusEvent(state="stopped"))
    (tracked,) = StudyTracker(with_dataset / "studies").poll(study.name)
    for setup, done in (("discs-paper", 1), ("discs-paper-2", 2)):
        assert progress(tracked, setup, trials_of(tracked, setup)) == f"{done} of 12 runs finished"


@pytest.mark.parametrize(("view", "size"), [("trials", NARROW), ("trials", WIDE), ("plot", NARROW)])  # wide shows both
def test_it_looks_as_it_did(
    with_study: StudyFolder, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], view: str
) -> None:
    monkeypatch.setattr("tem_rf_tui.widgets.study_detail.time.localtime", time.gmtime)

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        if view == "plot":
            await pilot.press("v")
        await assert_snapshot(pilot, f"search-{view}-{size[0]}x{size[1]}")

    drive(with_study.path.parents[1], script, size=size)


def test_curves_of_trials_are_drawn_on_top_of_each_other(with_study: StudyFolder) -> None:
    folder = with_study.path.parents[1]

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await _open(app, pilot)
        await pilot.press("c", "4", "down", "c")
        names = {f"discs-paper-{network}-s{seed}" for network in ("n2-p22", "n2-p24") for seed in (752, 140)}
        await until(
            pilot, lambda: bool(app.query(Curves)) and {run.run.name for run in app.query_one(Curves).runs} == names
        )

    drive(folder, script, size=WIDE)


def test_studies_and_trials_are_filtered_by_words(with_study: StudyFolder) -> None:
    folder = with_study.path.parents[1]
    _study(folder, "other")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("4")
        await until(pilot, lambda: bool(app.query(StudyTable)) and len(app.query_one(StudyTable).rows) == 2)
        await pilot.press("slash", *"fig", "enter")
        await until(pilot, lambda: [row[1] for row in app.query_one(StudyTable).rows] == ["figure-2"])
        await pilot.press("enter", "slash", *"fail", "enter")
        await until(pilot, lambda: [row[1] for row in _rows(app)] == ["n2-p44"])
        assert app.query_one(TrialTable).has_focus

    drive(folder, script)


def test_the_name_of_a_dataset_is_whole_in_the_form_of_a_wide_terminal(folder: Path, tiny_dataset: Path) -> None:
    shutil.copytree(tiny_dataset, folder / "datasets" / "bright-field-frames")

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("4", "n")
        await until(pilot, lambda: isinstance(app.screen, NewStudyScreen))
        await until(pilot, lambda: "datasets/bright-field-frames" in screen_text(app))
        await pilot.press("ctrl+o")  # also those that are switched on and off
        await until(pilot, lambda: bool(app.screen.query("SwitchBox")))
        helps = app.screen.query(".field-help")
        await until(pilot, lambda: len({field.region.x for field in helps if field.region}) == 1)

    drive(folder, script, size=(120, 40))
