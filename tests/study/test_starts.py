"""The model that trainings start from is an axis of a study, next to datasets, recipes and seeds."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf.errors import DatasetError, ModelError, RunError, SettingsError, StudyError
from tem_rf.evaluation.columns import COLUMNS
from tem_rf.evaluation.table import cell, shown_columns
from tem_rf.evaluation.trials import read_results
from tem_rf.runs import RunFolder
from tem_rf.runs.network import load_network, load_start, portable_copy
from tem_rf.study.definition.definition import define_study, read_definition
from tem_rf.study.definition.space import planned_runs
from tem_rf.study.definition.text import definition_text
from tem_rf.study.folder import StudyFolder
from tem_rf.study.report import write_report
from tem_rf.study.search.search import Search, Trial
from tests.helpers.stub_study import SEEDS, new_study
from tests.helpers.stub_training import train

OTHER = "n1-p2-f1"


@pytest.fixture
def model(trained_run: RunFolder, tmp_path: Path) -> RunFolder:
    return RunFolder(shutil.copytree(trained_run.path, tmp_path / "models" / "my gold"))


def study_from(model: RunFolder, dataset: Path, path: Path, **fields: Any) -> StudyFolder:
    networks = (OTHER, model.config.architecture.name)
    return new_study(dataset, path, **{"networks": networks, "start_from": ["none", str(model.path)], **fields})


def trained(study: StudyFolder) -> list[Trial]:
    search, trials = Search(study), []
    while trial := search.ask():
        for run in trial.unfinished():
            train(run)
        search.tell(trial)
        trials.append(trial)
    return trials


def test_each_run_from_a_model_has_its_weights_and_ancestry_and_only_its_network(
    model: RunFolder, tiny_dataset: Path, tmp_path: Path
) -> None:
    study, network = study_from(model, tiny_dataset, tmp_path / "study"), model.config.architecture.name
    assert planned_runs(study.definition) == {"discs-paper": 4, "discs-paper-from-my-gold": 2}
    trials = {(trial.setup, trial.architecture.name): trial for trial in trained(study)}
    assert trials.keys() == {
        ("discs-paper", OTHER),
        ("discs-paper", network),
        ("discs-paper-from-my-gold", network),
    }
    tuned = trials["discs-paper-from-my-gold", network]
    assert [run.name for run in tuned.runs] == [f"discs-paper-from-my-gold-{network}-s{seed}" for seed in SEEDS]
    for run in tuned.runs:
        assert run.config.start is not None
        assert (run.config.start.name, run.config.start.sha256) == ("my gold", model.network_sha256)
        for ours, theirs in zip(load_start(run).weights, load_network(model).weights, strict=True):
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    for run in trials["discs-paper", network].runs:
        assert run.config.start is None
        assert not run.start_file.exists()

    results = read_results(study.runs(), seeds=SEEDS)
    assert COLUMNS["settings"] in shown_columns(results.trials)
    assert sorted(cell(COLUMNS["settings"], trial) for trial in results.trials) == [
        "from=mygold",
        "from=scratch",
        "from=scratch",
    ]
    (tmp_path / "report").mkdir()
    page = write_report(
        results, tmp_path / "report", study="s", table_command="table", figure_command="{}".format, figures=()
    )
    assert "<td>from=mygold</td>" in page.read_text()


def test_a_driver_killed_before_the_weights_were_copied_copies_them_when_it_resumes(
    model: RunFolder, tiny_dataset: Path, tmp_path: Path
) -> None:
    study = study_from(model, tiny_dataset, tmp_path / "study", start_from=[str(model.path)])
    first = Search(study).ask()
    assert first is not None
    first.runs[0].start_file.unlink()
    again = Search(study).ask()
    assert again is not None
    assert again.identifier == first.identifier
    assert again.runs[0].start_file.exists()


def test_a_model_that_changed_meanwhile_is_refused(model: RunFolder, tiny_dataset: Path, tmp_path: Path) -> None:
    study = study_from(model, tiny_dataset, tmp_path / "study", start_from=[str(model.path)])
    assert Search(study).ask() is not None
    other = load_network(model)
    other.set_weights([2 * np.asarray(weight) for weight in other.get_weights()])
    portable_copy(other, model.config.architecture).save(model.model_file)
    with pytest.raises(RunError, match=r"contains a run with start\.sha256"):
        Search(study).ask()


@pytest.mark.parametrize("strategy", ["bayesian", "hyperband"])
def test_every_strategy_trains_the_one_network_of_a_model(
    strategy: str, model: RunFolder, tiny_dataset: Path, tmp_path: Path
) -> None:
    options = {"strategy": {"name": strategy, "min_epochs": 1}, "start_from": [str(model.path)], "seeds": [1]}
    study = study_from(model, tiny_dataset, tmp_path / "study", **options)
    assert {trial.architecture for trial in trained(study)} == {model.config.architecture}
    (run,) = study.runs()
    assert (run.config.training.epochs, run.start_file.exists()) == (3, True)


def test_a_network_that_does_not_fit_the_model_is_refused_with_the_one_that_does(
    model: RunFolder, tiny_dataset: Path, tmp_path: Path
) -> None:
    study, network = study_from(model, tiny_dataset, tmp_path / "study"), model.config.architecture.name
    content = study.definition.model_dump(exclude_unset=True)
    with pytest.raises(StudyError, match=rf"start_from: the network of my gold is {network}.*add {network} to space"):
        planned_runs(define_study({**content, "space": {"networks": [OTHER], "within_patch": False}}))
    with pytest.raises(StudyError, match=rf"{network}, which is excluded on discs by its patch size or the limits"):
        limits = {"networks": [OTHER, network], "within_patch": False, "max_field_px": 20}
        planned_runs(define_study({**content, "space": limits}))
    with pytest.raises(ModelError, match="nonesuch: no such model or run"):
        planned_runs(define_study({**content, "start_from": ["nonesuch"]}))
    with pytest.raises(SettingsError, match="`normalization`: my gold expects standard, received robust"):
        planned_runs(define_study({**content, "training": {"normalization": "robust"}}))


def test_a_dataset_of_another_pixel_size_is_refused_before_anything_is_trained(
    tiny_dataset: Path, tmp_path: Path
) -> None:
    content = {"datasets": [tiny_dataset], "start_from": ["bright-field"]}
    space = {"networks": ["n3-p222"], "within_patch": False}
    with pytest.raises(DatasetError, match=r"bright-field was trained at 0\.124"):
        planned_runs(define_study({**content, "space": space}))


def test_paths_are_relative_to_the_file_and_names_stay_names(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('datasets = ["d"]\nstart_from = ["none", "au-hrtem", "../mine", "a.keras"]')
    definition = read_definition(tmp_path / "s.toml")
    assert definition.start_from == ("none", "au-hrtem", str(tmp_path.parent / "mine"), str(tmp_path / "a.keras"))
    assert [setup.name for setup in definition.setups()] == [
        "d-best",
        "d-best-from-au-hrtem",
        "d-best-from-mine",
        "d-best-from-a",
    ]
    (tmp_path / "again.toml").write_text(definition_text(definition))
    assert read_definition(tmp_path / "again.toml") == definition


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start_from": []}, "start_from: expected at least one"),
        ({"start_from": ["none", "none"]}, "start_from: the same value is given twice"),
        ({"start_from": ["a/gold", "b/x/../gold/model.keras"]}, "start_from: two models are named gold; rename one"),
        ({"start_from": [""]}, r"start_from.0: .*at least 1 character"),
        ({"training": {"freeze": "encoder"}}, "training.0.freeze: is used with models in start_from only"),
        ({"start": ["a"]}, "start: no such field; did you mean start_from"),
    ],
)
def test_what_is_wrong_is_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        define_study({"datasets": ["a"], **fields})
    assert "\n" not in str(caught.value)


def test_a_study_is_extended_by_a_model_and_drops_none(model: RunFolder, tiny_dataset: Path, tmp_path: Path) -> None:
    study = study_from(model, tiny_dataset, tmp_path / "study", start_from=["none"])
    content = study.definition.model_dump()
    more = define_study({**content, "start_from": ["none", str(model.path)]})
    with pytest.raises(StudyError, match="start_from: expected none, received none, my-gold"):
        StudyFolder.create_or_open(study.path, more)
    StudyFolder.create_or_open(study.path, more, extend=True)
    with pytest.raises(StudyError, match="start_from: none would be dropped"):
        StudyFolder.create_or_open(study.path, define_study({**content, "start_from": [str(model.path)]}), extend=True)
    moved = shutil.move(model.path, tmp_path / "my gold")
    elsewhere = define_study({**content, "start_from": ["none", str(moved)]})
    assert StudyFolder.create_or_open(study.path, elsewhere).definition.start_from == ("none", str(moved))
