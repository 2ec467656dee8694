"""A study folder holds one study, goes on with it, and grows only on request."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tem_rf.errors import RunError, StudyError
from tem_rf.runs import process
from tem_rf.runs.events import NoticeEvent, StatusEvent
from tem_rf.study.definition.definition import define_study
from tem_rf.study.events import AnyStudyEvent, RunEvent, TrialEvent, Worker, WorkersEvent, follow_study_events
from tem_rf.study.folder import StudyFolder, find_study, list_studies
from tem_rf.study.view import view_study
from tests.helpers.stub_study import new_study

EVENTS: list[AnyStudyEvent] = [
    StatusEvent(state="running"),
    TrialEvent(state="started", trial="au-paper/0000", setup="au-paper", architecture="n2-p22"),
    RunEvent(state="started", run="au-paper-n2-p22-s752", worker="gpu0"),
    WorkersEvent(workers=(Worker(name="gpu0", state="busy", run="au-paper-n2-p22-s752"),)),
    RunEvent(state="lost", run="au-paper-n2-p22-s752", worker="gpu0", detail="its host is gone"),
    TrialEvent(state="finished", trial="au-paper/0000", setup="au-paper", architecture="n2-p22", objective=0.9),
    NoticeEvent(message="gpu0 is gone"),
]


@pytest.fixture
def study(tiny_dataset: Path, tmp_path: Path) -> StudyFolder:
    return new_study(tiny_dataset, tmp_path / "studies" / "first")


def changed(study: StudyFolder, **changes: Any) -> StudyFolder:
    """Open the study with another definition."""
    extend = changes.pop("extend", False)
    content = study.definition.model_dump(mode="python")
    for place, value in changes.items():
        section, _, field = place.rpartition("__")
        (content[section] if section else content)[field] = value
    return StudyFolder.create_or_open(study.path, define_study(content), extend=extend)


def test_the_definition_that_was_given_is_the_one_that_is_read(study: StudyFolder, tiny_dataset: Path) -> None:
    assert study.definition.datasets == (tiny_dataset,)
    assert StudyFolder.create_or_open(study.path, study.definition) == study


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": (752, 140, 956)}, "seeds: expected 752, 140, received 752, 140, 956"),
        ({"space__networks": ("n2-p22-f1",)}, "space.networks: expected "),
        ({"strategy__name": "random"}, "strategy.name: expected grid, received random"),
        ({"training": ({"epochs": 9},)}, "training.0.epochs: expected 3, received 9"),
        ({"augmentation__gain": 0.1}, "augmentation.gain: expected 0.0, received 0.1"),
    ],
)
def test_a_changed_definition_is_refused_with_what_changed(
    change: dict[str, Any], message: str, study: StudyFolder
) -> None:
    before = study.definition_file.read_bytes()
    with pytest.raises(StudyError) as caught:
        changed(study, **change)
    assert f"holds another study: {message}" in str(caught.value)
    assert "`extend`" in str(caught.value)
    assert study.definition_file.read_bytes() == before


def test_a_dataset_that_was_moved_is_the_same_dataset(study: StudyFolder, tiny_dataset: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(tiny_dataset, tmp_path / "elsewhere" / tiny_dataset.name)
    assert changed(study, datasets=(moved,)).definition.datasets == (moved,)
    with pytest.raises(StudyError, match="datasets: expected discs, received others"):
        changed(study, datasets=(moved.with_name("others"),))


def test_where_it_is_executed_may_change_without_further_ado(study: StudyFolder) -> None:
    assert changed(study, execution__workers=4).definition.execution.workers == 4


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": (140, 752, 956)},
        {"space__networks": ("n2-p22-f1", "n2-p22-f2", "n2-p24-f1", "n2-p44-f1")},
        {"training": ({"epochs": 9},)},
        {"training": ({"epochs": 3}, {"epochs": 3, "batch_size": 8})},
    ],
)
def test_extending_adds(change: dict[str, Any], study: StudyFolder) -> None:
    extended = changed(study, extend=True, **change).definition
    for place, value in change.items():
        section, _, field = place.rpartition("__")
        found = getattr(getattr(extended, section) if section else extended, field)
        assert len(found) == len(value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": (752, 956)}, "seeds: 140 would be dropped"),
        ({"space__networks": ("n2-p22-f1", "n2-p44-f1")}, "space: networks: n2-p22-f2 would be dropped"),
        ({"training": ({"epochs": 2},)}, "training.0.epochs: 2 is fewer than 3"),
        ({"training": ({"epochs": 3, "batch_size": 8},)}, "training.0: only its epochs may change"),
        ({"strategy__budget": 2}, "strategy.budget: 2 is fewer than all"),
        ({"strategy__name": "random"}, "strategy: only its budget may change"),
        ({"objective__time_weight": 0.1}, "objective would change"),
        ({"augmentation__gain": 0.1}, "augmentation would change"),
    ],
)
def test_extending_takes_nothing_away(change: dict[str, Any], message: str, study: StudyFolder) -> None:
    before = study.definition_file.read_bytes()
    with pytest.raises(StudyError, match=message):
        changed(study, extend=True, **change)
    assert study.definition_file.read_bytes() == before


def test_hyperband_shares_out_its_epochs_once(tiny_dataset: Path, tmp_path: Path) -> None:
    study = new_study(tiny_dataset, tmp_path / "study", strategy={"name": "hyperband"})
    with pytest.raises(StudyError, match="hyperband has distributed 3 epochs"):
        changed(study, extend=True, training=({"epochs": 9},))


def test_a_study_that_is_running_does_not_change_under_its_driver(study: StudyFolder) -> None:
    with process.claim(study), pytest.raises(StudyError, match=r"is running this study.*tem-rf study stop first"):
        changed(study, extend=True, seeds=(752, 140, 956))


@pytest.mark.parametrize("content", ["a run", "a file"])
def test_a_folder_of_something_else_is_left_alone(content: str, tiny_dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "taken"
    if content == "a run":
        path.mkdir()
        (path / "config.json").write_text("{}")
    else:
        path.write_text("")
    with pytest.raises(StudyError, match="holds no study; choose another `name`"):
        new_study(tiny_dataset, path)


def test_what_a_killed_writer_of_the_definition_left_is_in_nobodys_way(tiny_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / ".study.abcd_123.toml").write_text("datasets = [")
    assert new_study(tiny_dataset, tmp_path / "study").path.exists()


def test_studies_are_found_by_name_or_path(study: StudyFolder) -> None:
    root = study.path.parent
    (root / "something").mkdir()
    assert [one.name for one in list_studies(root)] == ["first"]
    assert find_study("first", root) == find_study(str(study.path), root) == study
    with pytest.raises(StudyError, match=r"frist: no study of this name in .* \(similar: first\)"):
        find_study("frist", root)
    assert list_studies(root / "absent") == []


def test_events_of_a_driver_survive_the_disk(study: StudyFolder) -> None:
    for event in EVENTS:
        study.event_log().write(event)
    assert study.events() == EVENTS
    halfway = len(EVENTS[0].model_dump_json()) + 1
    assert list(follow_study_events(study.events_file, halfway)[0]) == EVENTS[1:]


def test_a_study_is_claimed_asked_and_seen_as_a_run_is(study: StudyFolder) -> None:
    assert process.state(study) == "new"
    with pytest.raises(RunError, match=r"no process is running this study \(it is new\)"):
        process.ask(study, "cancel")
    with process.claim(study):
        study.event_log().write(StatusEvent(state="running"))
        process.ask(study, "cancel")
        assert (process.state(study), process.requested(study)) == ("running", "cancel")
    assert process.state(study) == "killed"


def test_a_study_on_one_line(study: StudyFolder) -> None:
    view = view_study(study)
    assert (view.state, view.setups, view.runs_finished, view.runs_planned) == ("new", 1, 0, 6)


def test_a_study_whose_dataset_is_gone_can_still_be_listed(tiny_dataset: Path, tmp_path: Path) -> None:
    study = new_study(tiny_dataset.parent / "gone", tmp_path / "study")
    assert view_study(study).runs_planned is None


@pytest.mark.parametrize("module", ["definition.presets", "definition.space", "folder", "events", "view"])
def test_what_the_terminal_app_reads_is_light(module: str) -> None:
    heavy = ("tensorflow", "keras", "keras_tuner", "distributed", "dask", "matplotlib", "scipy", "tifffile")
    code = f"import sys, tem_rf.study.{module}; sys.exit(', '.join({set(heavy)} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_trial_of_an_earlier_version_reads_the_same() -> None:
    line = EVENTS[1].model_dump_json()
    assert TrialEvent.model_validate_json(line.replace('"setup"', '"part"')) == EVENTS[1]
