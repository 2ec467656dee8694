"""Trials are put together from run folders, never averaged silently, and printed for people and programs."""

import csv
import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tem_rf.errors import SettingsError, StudyError
from tem_rf.evaluation.columns import COLUMNS, Column, filter_trials, sort_trials
from tem_rf.evaluation.table import as_csv, as_latex, as_markdown, as_records, cell, shown_columns
from tem_rf.evaluation.trials import Results, TrialResult, read_results
from tem_rf.runs.root import list_runs
from tem_rf.study.results.pareto import beats, pareto_front
from tests.helpers.run_folders import write_run


def results(root: Path, **options: Any) -> Results:
    return read_results(list_runs(root), **options)


def columns(*keys: str) -> list[Column]:
    return [COLUMNS[key] for key in keys]


def test_runs_that_differ_in_their_seed_only_are_one_trial_with_mean_and_sd(tmp_path: Path) -> None:
    write_run(tmp_path, seed=1, dice=0.8, epoch_s=10)
    write_run(tmp_path, seed=2, dice=0.9, epoch_s=20)
    write_run(tmp_path, "n2-p44", seed=1, dice=0.7)
    first, second = results(tmp_path).trials
    assert [first.name, second.name] == ["au-5nm-n2-p22", "au-5nm-n2-p44"]
    dice = first.scores["hard_dice"]
    assert (dice.mean, dice.sd, dice.seeds) == (pytest.approx(0.85), pytest.approx(0.0707107), 2)
    assert cell(COLUMNS["hard_dice"], first) == "0.850 ± 0.071"
    assert cell(COLUMNS["time_s"], first) == "30 ± 14"  # 2 epochs of 10 s, and of 20 s
    assert cell(COLUMNS["field_nm"], first) == "0.88"  # 44 px of 0.02 nm
    assert cell(COLUMNS["hard_dice"], second) == "0.700"  # one seed has no sd


def test_only_finished_and_scored_runs_are_averaged_and_the_others_are_counted(tmp_path: Path) -> None:
    write_run(tmp_path, seed=1, dice=0.8)
    write_run(tmp_path, seed=2, dice=0.1, state="failed", detail="the loss became NaN")
    write_run(tmp_path, seed=3, dice=None)
    write_run(tmp_path, seed=4, dice=0.2, state="stopped")
    (trial,) = results(tmp_path, seeds=(1, 2, 3, 4, 5)).trials
    assert trial.scores["hard_dice"].mean == pytest.approx(0.8)
    assert trial.state == "1 failed, 1 not scored, 1 stopped, 1 no run yet"
    assert cell(COLUMNS["seeds"], trial) == "1 of 5"
    assert not trial.is_complete


def test_scores_of_a_run_that_was_copied_without_the_times_of_its_files_count(tmp_path: Path) -> None:
    run = write_run(tmp_path, dice=0.8)
    os.utime(run.scores_file, (1, 1))
    os.utime(run.model_file, (2, 2))
    (trial,) = results(tmp_path).trials
    assert trial.scores["hard_dice"].mean == pytest.approx(0.8)


def test_a_score_that_not_every_seed_has_says_so(tmp_path: Path) -> None:
    _, second = (write_run(tmp_path, seed=seed, dice=0.8) for seed in (1, 2))
    text = second.scores_file.read_text()
    second.scores_file.write_text(text.replace(",2.0,", ",,").replace("1.9999999999999996", ""))
    (trial,) = results(tmp_path).trials
    assert cell(COLUMNS["hausdorff95_px"], trial) == "2.0 (1 of 2)"


def test_runs_in_no_trial_are_named(tmp_path: Path) -> None:
    run = write_run(tmp_path, dice=0.8)
    shutil.copytree(run.path, tmp_path / "twin")
    shutil.copytree(run.path, tmp_path / "torn")
    (tmp_path / "torn/config.json").write_text("{")
    shutil.copytree(run.path, tmp_path / "damaged")
    (tmp_path / "damaged/scores.csv").write_text("what")
    found = results(tmp_path)
    assert len(found.trials) == 1
    assert len(found.trials[0].runs) == 1
    assert [remark.split(":")[0] for remark in sorted(found.notes)] == ["damaged", "torn", "twin"]


def test_settings_that_vary_stand_in_the_names_and_in_a_column(tmp_path: Path) -> None:
    write_run(tmp_path, learning_rate=0.001)
    write_run(tmp_path, learning_rate=0.01)
    trials = results(tmp_path).trials
    assert [trial.name for trial in trials] == ["au-5nm-n2-p22-learning_rate=0.001", "au-5nm-n2-p22-learning_rate=0.01"]
    assert COLUMNS["settings"] in shown_columns(trials)
    write_run(tmp_path / "alike")
    assert COLUMNS["settings"] not in shown_columns(results(tmp_path / "alike").trials)


def test_datasets_of_one_name_are_told_apart(tmp_path: Path) -> None:
    write_run(tmp_path, sha256="a" * 64)
    write_run(tmp_path, sha256="b" * 64)
    assert [trial.dataset for trial in results(tmp_path).trials] == ["au-5nm@aaaaaa", "au-5nm@bbbbbb"]


def test_runs_on_a_dataset_that_was_moved_between_them_are_one_trial(tmp_path: Path) -> None:
    write_run(tmp_path, seed=1)
    write_run(tmp_path, seed=2, dataset="moved/au-5nm")
    (trial,) = results(tmp_path).trials
    assert (trial.name, len(trial.runs)) == ("au-5nm-n2-p22", 2)


def test_a_trial_is_found_by_name_network_or_run(tmp_path: Path) -> None:
    run = write_run(tmp_path, "n2-p44")
    write_run(tmp_path, "n2-p22")
    write_run(tmp_path, "n2-p22", dataset="au-2nm")
    found = results(tmp_path)
    for name in ("au-5nm-n2-p44", "n2-p44", run.name):
        assert found.find(name).name == "au-5nm-n2-p44"
    with pytest.raises(StudyError, match="could be au-2nm-n2-p22 or au-5nm-n2-p22"):
        found.find("n2-p22")
    with pytest.raises(StudyError, match="n9: no such trial; expected one of au-2nm-n2-p22"):
        found.find("n9")


@pytest.fixture
def four(tmp_path: Path) -> tuple[TrialResult, ...]:
    write_run(tmp_path, "n2-p22", dice=0.6)
    write_run(tmp_path, "n2-p44", dice=0.8)
    write_run(tmp_path, "n3-p222", dice=0.7)
    write_run(tmp_path, "n2-p88", dice=None)
    return results(tmp_path).trials


def networks(trials: Sequence[TrialResult]) -> list[str]:
    return [trial.architecture.name for trial in trials]


def test_trials_without_a_value_come_last_whichever_way_they_are_sorted(four: tuple[TrialResult, ...]) -> None:
    assert networks(sort_trials(four, "hard_dice")) == ["n2-p22", "n3-p222", "n2-p44", "n2-p88"]
    assert networks(sort_trials(four, "-hard_dice")) == ["n2-p44", "n3-p222", "n2-p22", "n2-p88"]
    assert networks(sort_trials(four, "-network"))[0] == "n3-p222"


def test_datasets_are_in_the_order_of_the_sizes_in_their_names(tmp_path: Path) -> None:
    for dataset in ("au-10nm", "au-2.2nm", "au-5nm"):
        write_run(tmp_path, dataset=dataset)
    trials = results(tmp_path).trials
    assert [trial.dataset for trial in trials] == ["au-2.2nm", "au-5nm", "au-10nm"]
    assert sort_trials(trials, "dataset") == list(trials)


def test_an_unknown_column_is_refused(four: tuple[TrialResult, ...]) -> None:
    with pytest.raises(SettingsError, match="column 'beauty': expected one of dataset, network"):
        sort_trials(four, "beauty")


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        (["depth=2"], {"n2-p22", "n2-p44", "n2-p88"}),
        (["field_px<=120"], {"n2-p22", "n2-p44", "n3-p222"}),
        (["hard_dice>0.6", "depth != 3"], {"n2-p44"}),
        (["hard_dice>=0.6", "parameters<10000"], {"n2-p22", "n2-p44"}),
        (["network~P22"], {"n2-p22", "n3-p222"}),
        (["state!=finished"], {"n2-p88"}),
        (["state=finished", "network=n2-p22"], {"n2-p22"}),
        (["hard_dice!=0.5"], {"n2-p22", "n2-p44", "n3-p222"}),
    ],
)
def test_filters_keep_what_meets_all_of_them(
    four: tuple[TrialResult, ...], conditions: list[str], kept: set[str]
) -> None:
    assert set(networks(filter_trials(four, conditions))) == kept


@pytest.mark.parametrize(
    ("condition", "words"),
    [("depth", "expected COLUMN=VALUE"), ("size>3", "column 'size'"), ("depth>deep", "expected a number")],
)
def test_a_filter_that_means_nothing_is_refused(four: tuple[TrialResult, ...], condition: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        filter_trials(four, [condition])


def test_the_front_holds_what_no_other_trial_beats(tmp_path: Path) -> None:
    write_run(tmp_path, "n2-p22", dice=0.6, epoch_s=1)
    write_run(tmp_path, "n2-p44", dice=0.8, epoch_s=5)
    write_run(tmp_path, "n2-p24", dice=0.7, epoch_s=9)  # beaten by n2-p44 in dice and in time
    write_run(tmp_path, "n3-p222", dice=0.9, epoch_s=9)
    write_run(tmp_path, "n2-p88", dice=0.99, epoch_s=1, seed=1)  # would beat all, but a seed is missing
    write_run(tmp_path, "n2-p88", dice=None, epoch_s=1, seed=2)
    write_run(tmp_path, "n2-p22", dice=0.1, epoch_s=99, dataset="au-2nm")  # the only one of its dataset
    trials = results(tmp_path).trials
    assert [trial.name for trial in pareto_front(trials)] == [
        *("au-2nm-n2-p22", "au-5nm-n2-p22", "au-5nm-n2-p44", "au-5nm-n3-p222")
    ]
    assert networks(pareto_front(trials, costs=["parameters"])) == ["n2-p22", "n2-p44", "n3-p222"]


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1))
def test_some_point_is_never_beaten_and_none_beats_itself(points: Any) -> None:
    assert any(not any(beats(other, point) for other in points) for point in points)
    assert not any(beats(point, point) for point in points)


def test_csv_holds_full_precision_and_the_sd_beside_the_mean(tmp_path: Path) -> None:
    write_run(tmp_path, seed=1, dice=0.8)
    write_run(tmp_path, seed=2, dice=0.9)
    trials = results(tmp_path).trials
    (row,) = csv.DictReader(io.StringIO(as_csv(trials)))
    assert float(row["hard_dice"]) == trials[0].scores["hard_dice"].mean
    assert float(row["hard_dice_sd"]) == trials[0].scores["hard_dice"].sd
    (record,) = as_records(trials)
    assert record["hard_dice"]["seeds"] == 2
    assert record["settings"] is None


def test_signs_of_markdown_and_latex_in_names_stay_signs(tmp_path: Path) -> None:
    write_run(tmp_path, seed=1, dice=0.8, dataset="50%_a|b&c")
    write_run(tmp_path, seed=2, dice=0.9, dataset="50%_a|b&c")
    trials, chosen = results(tmp_path).trials, columns("dataset", "hard_dice", "hausdorff95_px")
    assert as_markdown(trials, chosen).splitlines() == [
        "| dataset | hard dice | HD95 [px] |",
        "| --- | ---: | ---: |",
        r"| 50%_a\|b&c | 0.850 ± 0.071 | 1.5 ± 0.7 |",
    ]
    assert as_latex(trials, chosen).splitlines()[:5] == [
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"dataset & hard dice & HD95 [px] \\",
        r"\midrule",
        r"50\%\_a|b\&c & 0.850 $\pm$ 0.071 & 1.5 $\pm$ 0.7 \\",
    ]


def test_an_empty_table_has_no_columns_that_say_something(tmp_path: Path) -> None:
    found = results(tmp_path)
    assert found.trials == ()
    assert shown_columns(found.trials) == []
