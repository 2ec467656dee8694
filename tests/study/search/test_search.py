"""What the driver of a study asks and tells: every run once, results idempotent, whatever is killed when."""

import json
import math
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tem_rf.errors import DatasetError, RunError, StudyError
from tem_rf.runs.events import StatusEvent, epochs
from tem_rf.study.definition.definition import define_study
from tem_rf.study.folder import StudyFolder
from tem_rf.study.search.search import Search, Trial
from tests.helpers.repository import ROOT
from tests.helpers.stub_study import NETWORKS, SEEDS, new_study
from tests.helpers.stub_training import final_dice, train

PART = "discs-paper"


@pytest.fixture
def study(tiny_dataset: Path, tmp_path: Path) -> StudyFolder:
    return new_study(tiny_dataset, tmp_path / "study")


def run_all(study: StudyFolder, **options: Any) -> list[Trial]:
    """Do what a driver does, one trial after the other."""
    search, trials = Search(study, **options), []
    while trial := search.ask():
        for run in trial.unfinished():
            train(run)
        search.tell(trial)
        trials.append(trial)
    assert search.is_finished
    return trials


def epochs_done(study: StudyFolder) -> dict[str, int]:
    return {run.name: len(epochs(run.events())) for run in study.runs()}


def test_a_trial_is_a_network_with_a_run_per_seed(study: StudyFolder) -> None:
    search = Search(study)
    trial = search.ask()
    assert (trial.identifier, trial.setup, trial.architecture.name, trial.epochs) == (
        f"{PART}/0000",
        PART,
        "n2-p22-f1",
        3,
    )
    assert [run.name for run in trial.runs] == [f"{PART}-n2-p22-f1-s{seed}" for seed in SEEDS]
    assert [run.config.seed for run in trial.runs] == list(SEEDS)
    assert trial.unfinished() == trial.runs


def test_the_objective_is_the_mean_over_seeds_of_the_best_validation_dice(study: StudyFolder) -> None:
    search = Search(study)
    trial = search.ask()
    for run in trial.runs:
        train(run)
    expected = statistics.fmean(final_dice(run) * (1 - 0.5**3) for run in trial.runs)
    assert search.tell(trial) == pytest.approx(expected)


def test_parameters_and_time_can_be_weighed(tiny_dataset: Path, tmp_path: Path) -> None:
    objective: dict[str, Any] = {"parameters_weight": 0.1, "time_weight": 0.01}
    settings: dict[str, dict[str, Any]] = {"plain": {}, "weighed": {"objective": objective}}
    plain, weighed = (Search(new_study(tiny_dataset, tmp_path / name, **fields)) for name, fields in settings.items())
    values = []
    for search in (plain, weighed):
        trial = search.ask()
        for run in trial.runs:
            train(run)
        values.append(search.tell(trial))
    cost = 0.1 * math.log10(trial.architecture.parameters) + 0.01 * math.log10(3)  # three epochs of 1 s
    assert values[0] - values[1] == pytest.approx(cost)


def test_every_part_has_its_own_oracle_and_they_take_turns(tiny_dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_dataset, tmp_path / "other")
    study = StudyFolder.create_or_open(
        tmp_path / "study",
        define_study(
            {
                "datasets": [tiny_dataset, tmp_path / "other"],
                "seeds": [1],
                "space": {"networks": NETWORKS, "within_patch": False},
                "training": [{"recipe": "paper", "epochs": 1}, {"recipe": "paper", "epochs": 1, "batch_size": 4}],
            }
        ),
    )
    trials = run_all(study)
    setups = ["discs-paper", "discs-paper-2", "other-paper", "other-paper-2"]
    assert [trial.setup for trial in trials[:4]] == setups
    assert sorted(path.name for path in study.oracle_folder.iterdir()) == setups
    assert len(study.runs()) == len(trials) == 4 * len(NETWORKS)


def test_a_run_that_did_not_reach_its_epochs_fails_its_trial_and_the_search_goes_on(study: StudyFolder) -> None:
    search = Search(study)
    trial = search.ask()
    train(trial.runs[0])
    trial.runs[1].event_log().write(StatusEvent(state="failed", detail="the loss became nan"))
    assert search.tell(trial) is None
    assert search.ask().architecture.name == "n2-p22-f2"
    saved = json.loads((study.oracle_folder / PART / "trial_0000" / "trial.json").read_text())
    assert saved["message"] == f"{trial.runs[1].name}: failed: the loss became nan"


def test_failed_trials_are_tried_again_on_request_only(study: StudyFolder) -> None:
    search = Search(study)
    search.tell(search.ask(), "no memory")
    assert "n2-p22-f1" not in [trial.architecture.name for trial in run_all(study)]
    assert [trial.architecture.name for trial in run_all(study, retry_failed=True)] == ["n2-p22-f1"]


def test_runs_that_finished_before_a_kill_are_not_trained_again(study: StudyFolder) -> None:
    trial = Search(study).ask()
    train(trial.runs[0])
    again = Search(study).ask()
    assert again == trial
    assert again.unfinished() == trial.runs[1:]


def test_a_run_without_scores_is_unfinished(study: StudyFolder) -> None:
    trial = Search(study).ask()
    for run in trial.runs:
        train(run)
    assert trial.unfinished() == ()
    trial.runs[0].scores_file.unlink()
    assert trial.unfinished() == trial.runs[:1]


def test_a_finished_study_has_nothing_to_do(study: StudyFolder) -> None:
    run_all(study)
    assert run_all(study) == []


def test_an_extended_study_trains_what_is_new_and_nothing_else(study: StudyFolder) -> None:
    run_all(study)
    before = {run.name: run.events_file.read_bytes() for run in study.runs()}
    content = study.definition.model_dump()
    content |= {"seeds": (*SEEDS, 956), "space": {**content["space"], "networks": (*NETWORKS, "n2-p44-f1")}}
    trials = run_all(StudyFolder.create_or_open(study.path, define_study(content), extend=True))
    assert len(trials) == 4
    assert len(study.runs()) == 4 * 3
    assert {name: (study.runs_folder / name / "events.jsonl").read_bytes() for name in before} == before


def test_more_epochs_extend_every_run(study: StudyFolder) -> None:
    run_all(study)
    content = study.definition.model_dump() | {"training": [{"recipe": "paper", "epochs": 5}]}
    run_all(StudyFolder.create_or_open(study.path, define_study(content), extend=True))
    assert set(epochs_done(study).values()) == {5}


def test_a_run_folder_that_somebody_deleted_is_trained_again(study: StudyFolder) -> None:
    run_all(study)
    shutil.rmtree(study.runs()[0].path)
    assert [len(trial.unfinished()) for trial in run_all(study)] == [0]  # since run_all has trained it
    assert len(study.runs()) == len(NETWORKS) * len(SEEDS)


def test_a_lost_oracle_is_told_the_finished_runs_again(study: StudyFolder) -> None:
    run_all(study)
    before = {run.name: run.events_file.read_bytes() for run in study.runs()}
    shutil.rmtree(study.oracle_folder)
    assert len(run_all(study)) == len(NETWORKS)
    assert {run.name: run.events_file.read_bytes() for run in study.runs()} == before


@pytest.fixture
def hyperband(tiny_dataset: Path, tmp_path: Path) -> StudyFolder:
    space = {"depths": [2], "poolings": [1, 2, 4], "within_patch": False}
    strategy = {"name": "hyperband", "min_epochs": 1}
    return new_study(tiny_dataset, tmp_path / "hyperband", epochs=9, space=space, strategy=strategy)


def test_hyperband_extends_the_runs_of_the_best(hyperband: StudyFolder) -> None:
    trials = run_all(hyperband)
    by_network: dict[str, list[Trial]] = {}
    for trial in trials:
        by_network.setdefault(trial.architecture.name, []).append(trial)
    assert len(by_network) == 9
    promoted = [tries for tries in by_network.values() if len(tries) > 1]
    assert promoted
    for tries in promoted:
        assert {trial.runs for trial in tries} == {tries[0].runs}
        assert [trial.epochs for trial in tries] == sorted(trial.epochs for trial in tries)
    done = epochs_done(hyperband)
    for tries in by_network.values():
        assert {done[run.name] for run in tries[-1].runs} == {tries[-1].epochs}
    assert run_all(hyperband) == []


def test_an_early_trial_is_judged_by_its_own_epochs_though_its_runs_went_on(hyperband: StudyFolder) -> None:
    run_all(hyperband)
    files = list(hyperband.oracle_folder.glob("*/trial_*/trial.json"))
    assert files
    for file in files:
        content = file.read_text()
        trial = json.loads(content)
        file.write_text(json.dumps({**trial, "status": "RUNNING"}))  # as if killed before it was told
        search = Search(hyperband)
        handed_out = search.ask()
        assert handed_out.epochs == trial["hyperparameters"]["values"]["tuner/epochs"]
        assert handed_out.unfinished() == ()
        assert search.tell(handed_out) == pytest.approx(trial["score"])


def test_a_space_that_does_not_fit_is_refused_before_anything_starts(tiny_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="discs: no network in the space"):
        Search(new_study(tiny_dataset, tmp_path / "study", space={"depths": [2], "poolings": [2]}))


def test_a_dataset_that_is_gone_is_said(tiny_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a dataset"):
        Search(new_study(tiny_dataset.parent / "gone", tmp_path / "study"))


def test_a_dataset_that_was_prepared_anew_is_not_mixed_in(tiny_dataset: Path, tmp_path: Path) -> None:
    dataset = shutil.copytree(tiny_dataset, tmp_path / "discs")
    study = new_study(dataset, tmp_path / "study")
    run = Search(study).ask().runs[0]
    manifest = dataset / "dataset.json"
    manifest.write_text(manifest.read_text() + "\n")
    with pytest.raises(RunError, match="contains a run with dataset_sha256"):
        Search(study).ask()
    assert run.config_file.exists()


KILLED_SPACE = {"depths": [2], "poolings": [1, 2, 4], "parts": ["", "f1"], "within_patch": False}


@pytest.mark.parametrize(
    ("strategy", "kills"),
    [
        ("hyperband", 25),
        *(pytest.param(name, 400, marks=pytest.mark.slow) for name in ("grid", "random", "bayesian", "hyperband")),
    ],
)
def test_killed_at_any_moment_it_loses_and_doubles_nothing(
    strategy: Any, kills: Any, tiny_dataset: Path, tmp_path: Path
) -> None:
    settings = {"name": strategy, "min_epochs": 1}
    definition = new_study(tiny_dataset, tmp_path / "copied", space=KILLED_SPACE, strategy=settings).definition_file
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.killed_search", tmp_path / "study", definition, str(kills), "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    study = StudyFolder.open(tmp_path / "study")
    saved = [json.loads(path.read_text()) for path in study.oracle_folder.glob("*/trial_*/trial.json")]
    started = json.loads((study.oracle_folder / PART / "oracle.json").read_text())["start_order"]
    assert sorted(trial["trial_id"] for trial in saved) == sorted(started)
    assert {trial["status"] for trial in saved} == {"COMPLETED"}
    values = [json.dumps(trial["hyperparameters"]["values"], sort_keys=True) for trial in saved]
    assert len(set(values)) == len(values)
    assert len(study.runs()) == 18 * len(SEEDS)
    if strategy != "hyperband":
        assert len(saved) == 18
        assert set(epochs_done(study).values()) == {3}
    for run in study.runs():
        numbers = [event.epoch for event in run.events() if event.kind == "epoch"]
        assert numbers == list(range(1, run.config.training.epochs + 1))
