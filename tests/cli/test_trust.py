"""`tem-rf trust` as a user calls it."""

import json
from functools import partial
from pathlib import Path

import pytest

from tem_rf.exporting import trial
from tem_rf.exporting.export import export_run
from tem_rf.inference.model import load_segmenter
from tem_rf.runs import RunFolder
from tem_rf.trust.record import TRUST_NAME
from tests.helpers.command import Command, tem_rf
from tests.helpers.labelled_folder import write_folder


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trial, "_FOREIGN", 12)  # many take time
    return partial(tem_rf, capfd, monkeypatch)


def test_a_model_is_tried_on_labelled_micrographs_and_keeps_the_record(
    run: Command, trained_run: RunFolder, tmp_path: Path
) -> None:
    export_run(trained_run, tmp_path / "model")
    write_folder(tmp_path / "raw", 4)
    result = run("trust", "model", "--labelled", "raw", "--specimens", 6, "--json")
    content = json.loads(result.stdout)
    assert content["tried_on"] == ["raw"]
    assert content["error"]["images"] == 8
    assert [len(one["row_values"]) for one in content["maps"]] == [4, 1]
    assert [one["usual"] for one in content["maps"]] == [[0, 0], [0, 3]]
    assert "## When to trust its masks" in (tmp_path / "model/README.md").read_text()
    record = load_segmenter(tmp_path / "model").trust
    assert record is not None
    # Weights that were exported before keep their record; it is not that of other weights.
    export_run(trained_run, tmp_path / "model")
    assert load_segmenter(tmp_path / "model").trust == record

    page = (tmp_path / "model/README.md").read_text()
    assert "(robustness.png)" in page
    assert (tmp_path / "model/robustness.png").stat().st_size < 10_000
    assert (tmp_path / "model" / TRUST_NAME).stat().st_size < 150_000


def test_bad_input_is_one_line_and_writes_nothing(run: Command, trained_run: RunFolder, tmp_path: Path) -> None:
    for words, said in (
        (("nothing",), "nothing: no such model or run"),
        ((trained_run.path, "--simulate", "none"), "--simulate: expected one of au-2.2nm"),
        ((trained_run.path, "--labelled", "missing"), "missing: no such folder"),
        ((trained_run.path, "--labelled", "missing", "--simulate", "au-5nm"), "cannot be combined with --simulate"),
        ((trained_run.path, "--specimens", 2), "--specimens"),
    ):
        result = run("trust", *words)
        assert result.code != 0
        assert said in result.stderr.strip().splitlines()[-1]
    assert not (trained_run.path / TRUST_NAME).exists()
