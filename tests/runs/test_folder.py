"""A run folder holds everything needed to repeat a run, and refuses to become another one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tem_rf import Architecture
from tem_rf.errors import RunError, SettingsError
from tem_rf.runs import RunConfig, RunFolder
from tem_rf.runs.folder import default_name
from tem_rf.runs.root import find_run, list_runs


def test_the_configuration_survives_the_disk(run: RunFolder, config: RunConfig) -> None:
    assert RunFolder.open(run.path).config == config


def test_the_same_configuration_opens_the_run_again(run: RunFolder, config: RunConfig) -> None:
    assert RunFolder.create_or_open(run.path, config) == run


def test_another_configuration_is_refused_by_the_field_that_differs(run: RunFolder, config: RunConfig) -> None:
    other = config.model_copy(update={"architecture": Architecture((4, 4))})
    with pytest.raises(RunError, match=r"architecture\.name n2-p24, received n2-p44; choose another `name`"):
        RunFolder.create_or_open(run.path, other)


def test_a_dataset_that_was_moved_is_the_same_by_its_fingerprint_and_its_new_place_is_kept(
    run: RunFolder, config: RunConfig
) -> None:
    moved = config.model_copy(update={"dataset": Path("/elsewhere/au 5nm")})
    assert RunFolder.create_or_open(run.path, moved).config == moved
    another = moved.model_copy(update={"dataset": config.dataset, "dataset_sha256": "1" * 64})
    with pytest.raises(RunError, match="holds a run with dataset"):
        RunFolder.create_or_open(run.path, another)


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path, config: RunConfig) -> None:
    (tmp_path / "photo.png").touch()
    with pytest.raises(RunError, match="not empty and holds no run"):
        RunFolder.create_or_open(tmp_path, config)


def test_another_schema_version_is_refused(run: RunFolder) -> None:
    content = json.loads(run.config_file.read_text())
    run.config_file.write_text(json.dumps({**content, "schema_version": 99}))
    with pytest.raises(RunError, match="schema version 99, this tem-rf reads 1"):
        RunFolder.open(run.path)


@pytest.mark.parametrize("content", ["", "[1]", '{"schema_version": 1'])
def test_a_damaged_configuration_is_one_line(run: RunFolder, content: str) -> None:
    run.config_file.write_text(content)
    with pytest.raises(RunError) as caught:
        RunFolder.open(run.path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": {"pooling_sequence": [2], "kernel_size": 4}}, "architecture: kernel_size: expected an odd"),
        ({"architecture": {}}, "architecture: architecture: "),
        ({"seed": -1}, "seed: input should be greater than or equal to 0"),
        ({"pixel_size_nm": 0}, "pixel_size_nm: input should be greater than 0"),
    ],
)
def test_a_configuration_that_cannot_be_names_its_file(run: RunFolder, change: dict[str, Any], words: str) -> None:
    content = json.loads(run.config_file.read_text()) | change
    run.config_file.write_text(json.dumps(content))
    with pytest.raises(RunError, match=f"config.json: {words}") as caught:
        RunFolder.open(run.path)
    assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError, match=words):
        RunConfig.from_json(content)


def test_an_unknown_run_is_answered_with_names_close_to_it(run: RunFolder) -> None:
    with pytest.raises(RunError, match=r"frist: no run of this name .*close to it: first"):
        find_run("frist", run.path.parent)


def test_runs_are_found_by_name_and_by_path_and_other_folders_are_left_out(run: RunFolder) -> None:
    (run.path.parent / "notes").mkdir()
    assert find_run("first", run.path.parent) == find_run(str(run.path)) == run
    assert list_runs(run.path.parent) == [run]


def test_the_default_name_has_no_signs_that_a_shell_interprets(config: RunConfig) -> None:
    assert default_name(config) == "au-5nm-n2-p24-paper-s752"


def test_unknown_fields_are_refused(config: RunConfig) -> None:
    from tem_rf.errors import SettingsError

    with pytest.raises(SettingsError, match="surprise"):
        RunConfig.from_json({**config.to_json(), "surprise": 1})
