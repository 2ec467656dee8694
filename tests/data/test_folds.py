"""Cross-validation: every micrograph is held out once, and those of one area together."""

from dataclasses import replace
from pathlib import Path

import pytest

from tem_rf import Architecture
from tem_rf.config.training import training_settings
from tem_rf.data.folds import assign_folds, in_fold
from tem_rf.data.manifest import NearDuplicate
from tem_rf.data.prepared import open_dataset
from tem_rf.errors import SettingsError
from tem_rf.jobs.train import TrainRequest, plan_runs
from tem_rf.runs.config import Fold
from tem_rf.runs.dataset import configure_run, open_training_data


def test_every_micrograph_is_held_out_once_and_trains_in_all_other_folds(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset)
    sources = {patch.source for patch in dataset.patches}
    held_out = []
    for number in (1, 2, 3):
        fold = in_fold(dataset, number, 3)
        tested = {fold.patches[index].source for index in fold.indices("test")}
        trained = {fold.patches[index].source for index in fold.indices("train")}
        assert (tested | trained, tested & trained, fold.monitored) == (sources, set(), "test")
        held_out += sorted(tested)
    assert sorted(held_out) == sorted(sources)


def test_micrographs_of_one_area_are_in_one_fold(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset)
    one, *_, other = sorted({patch.source for patch in dataset.patches})
    pair = NearDuplicate(one=one, other=other, overlap=0.5, shift_px=(0, 0), significance=9.0, is_leak=False)
    shared = replace(dataset, manifest=dataset.manifest.model_copy(update={"near_duplicates": (pair,)}))
    for count in (2, 3):
        folds = assign_folds(shared, count)
        assert folds[one] == folds[other]
        assert set(folds.values()) == set(range(1, count + 1))


def test_more_folds_than_micrographs_are_refused(tiny_dataset: Path) -> None:
    with pytest.raises(SettingsError, match=r"`folds`: .* has 6 micrographs; expected 2 to 6 folds, received 7"):
        assign_folds(open_dataset(tiny_dataset), 7)


def test_a_request_plans_a_run_for_each_fold(tiny_dataset: Path, tmp_path: Path) -> None:
    request = TrainRequest.build(dataset=tiny_dataset, network="n2-p22", folds=3, runs=tmp_path)
    runs = [planned.run for planned in plan_runs(request)]
    assert [run.name for run in runs] == [f"discs-n2-p22-best-fold{number}of3-s752" for number in (1, 2, 3)]
    assert [run.config.training.keep for run in runs] == ["last"] * 3
    assert len({run.config.trial for run in runs}) == 1
    first = open_training_data(runs[0].config)
    assert {first.patches[index].source for index in first.indices("test")} == {
        name for name, fold in assign_folds(first, 3).items() if fold == 1
    }


def test_early_stopping_needs_micrographs_that_neither_train_nor_test(tiny_dataset: Path) -> None:
    settings = training_settings("best", early_stopping_patience=2)
    with pytest.raises(SettingsError, match="in a cross-validation there is no score to stop by"):
        configure_run(tiny_dataset, Architecture((2,)), settings, 752, fold=Fold(number=1, folds=2))
    config = configure_run(tiny_dataset, Architecture((2,)), settings, 752)
    assert config.training.keep == "smooth", "one micrograph validates"
    assert configure_run(tiny_dataset, Architecture((2,)), training_settings("paper"), 752).training.keep == "best"
