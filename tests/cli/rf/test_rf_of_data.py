"""`tem-rf rf effective` and `tem-rf rf advise`: what data and runs say."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tem_rf.cli.rf.commands import rf
from tem_rf.errors import DatasetError, RunError, SettingsError
from tem_rf.runs import RunFolder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rf, list(arguments), env={"COLUMNS": "200"})


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, while it saves
def test_the_effective_field_of_a_run_is_drawn_and_lies_within_the_exact_one(
    trained_run: RunFolder, tmp_path: Path
) -> None:
    picture = tmp_path / "effective.png"
    result = run(
        "effective", str(trained_run.path), "--output", str(picture), "--split", "train", "--count", "3", "--json"
    )
    content = json.loads(result.stdout)
    widths = content["widths_px"]
    assert content["patches"] == 3
    assert 1 <= widths["50% of the energy"] <= widths["95% of the energy"] <= content["window_px"]
    assert widths["exact, maximum"] == 44
    assert np.asarray(Image.open(picture)).std() > 10


def test_the_effective_field_is_not_measured_on_another_dataset(trained_run: RunFolder, tmp_path: Path) -> None:
    config = trained_run.config.model_copy(update={"dataset_sha256": "0" * 64})
    other = RunFolder.create_or_open(tmp_path / "other", config)
    result = run("effective", str(other.path))
    assert isinstance(result.exception, DatasetError)
    assert "is not the dataset this run started with" in str(result.exception)


def test_advice_names_architectures_in_its_range(tiny_dataset: Path, tmp_path: Path) -> None:
    result = run("advise", str(tiny_dataset), "--runs", str(tmp_path), "--particle-nm", "5", "--json")
    content = json.loads(result.stdout)
    assert 0 < content["low_px"] <= content["high_px"] <= 16
    assert {statement["basis"] for statement in content["statements"]} == {"measured", "study", "rule"}


def test_advice_in_words_marks_what_each_sentence_rests_on(tiny_dataset: Path, tmp_path: Path) -> None:
    lines = run("advise", str(tiny_dataset), "--runs", str(tmp_path), "--particle-nm", "5").stdout.splitlines()
    assert lines[0].startswith("Search receptive fields of ")
    assert any(line.startswith("- [measured here] brightness alone") for line in lines)
    assert any(line.startswith("- [finding of the study] the field matters little") for line in lines)


def test_bad_input_is_one_line(tiny_dataset: Path, tmp_path: Path) -> None:
    for arguments, kind in (
        (["effective", "absent"], RunError),
        (["advise", str(tmp_path)], DatasetError),
        (["advise", str(tiny_dataset), "--particle-nm", "5", "--depth", "x"], SettingsError),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, kind)
        assert "\n" not in str(result.exception)
