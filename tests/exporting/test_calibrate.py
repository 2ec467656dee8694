"""A saved model is calibrated on labelled micrographs: other probabilities, the same masks."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tem_rf.data.micrograph import Micrograph
from tem_rf.exporting.calibrate import calibrate_model
from tem_rf.exporting.export import export_run
from tem_rf.exporting.formats import LITERT, SAVED_MODEL
from tem_rf.inference.card import ModelCard
from tem_rf.inference.model import load_segmenter
from tem_rf.inference.predict import segment_by_ensemble, segment_micrograph
from tem_rf.runs import RunFolder
from tests.helpers.command import tem_rf
from tests.helpers.labelled_folder import counts_with_disc, write_folder


@pytest.fixture(scope="module")
def model(trained_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as an earlier version exported it: its card says nothing of a temperature."""
    folder = tmp_path_factory.mktemp("models") / "discs"
    export_run(trained_run, folder, [SAVED_MODEL, LITERT])
    card = json.loads((folder / "model.json").read_text())
    del card["calibration"]
    (folder / "model.json").write_text(json.dumps(card))
    return folder


@pytest.fixture(scope="module")
def calibrated(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrated")
    calibrate_model(model, [write_folder(folder / "labelled", 3)], folder / "discs")
    return folder / "discs"


def micrograph(seed: int) -> Micrograph:
    return Micrograph(counts_with_disc((90, 122), seed=seed)[0])


def test_a_card_of_an_earlier_version_has_no_temperature(model: Path) -> None:
    assert ModelCard.read(model).calibration is None
    assert load_segmenter(model).temperature == 1


def test_the_temperature_changes_probabilities_and_no_mask(model: Path, calibrated: Path) -> None:
    before, after = load_segmenter(model), load_segmenter(calibrated)
    note = ModelCard.read(calibrated).calibration
    assert note is not None
    assert (note.temperature, note.images) == (after.temperature, 3)
    assert abs(after.temperature - 1) > 0.05
    assert note.error_after < note.error_before
    for seed in range(3):
        for transforms in (1, 8):
            old, new = (segment_by_ensemble([one], micrograph(seed), transforms=transforms) for one in (before, after))
            np.testing.assert_array_equal(old.mask, new.mask)
            assert np.abs(old.probability - new.probability).max() > 0.01
        both = [segment_by_ensemble([before, one], micrograph(seed)).mask for one in (before, after)]
        np.testing.assert_array_equal(both[0], both[1])


def test_the_graph_has_the_temperature_and_the_same_mask(model: Path, calibrated: Path) -> None:
    import tensorflow as tf

    counts = np.stack([micrograph(seed).pixels for seed in (5, 6)]).astype(np.float32)
    models = [tf.saved_model.load(folder) for folder in (model, calibrated)]
    old, new = (one.serve(counts) for one in models)
    np.testing.assert_array_equal(old["mask"], new["mask"])
    segmenter = load_segmenter(calibrated)
    expected = [segment_micrograph(segmenter, Micrograph(one)).probability for one in counts]
    np.testing.assert_allclose(new["probability"], expected, atol=1e-5)
    assert (calibrated / "model.tflite").exists()


def test_the_page_states_the_temperature(calibrated: Path) -> None:
    assert "Calibrated with a temperature of" in (calibrated / "README.md").read_text()


def test_a_run_is_refused_with_what_to_do(
    trained_run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tem_rf(capfd, monkeypatch, "calibrate", trained_run.path, tmp_path, "--output", tmp_path / "out")
    assert (result.code, result.stdout) == (1, "")
    assert re.search(r"is not an exported model.*tem-rf export", result.stderr)
    assert not (tmp_path / "out").exists()


def test_the_command_writes_the_model_with_its_temperature(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_folder(tmp_path / "labelled", 1)
    result = tem_rf(capfd, monkeypatch, "calibrate", model, folder, "--output", tmp_path / "out", "--json")
    content = json.loads(result.stdout)
    assert content["temperature"] == load_segmenter(tmp_path / "out").temperature
    missing = tem_rf(capfd, monkeypatch, "calibrate", model, tmp_path / "gone", "--output", tmp_path / "out")
    assert missing.code == 1
    assert "gone" in missing.stderr
    assert load_segmenter(tmp_path / "out").temperature == content["temperature"]
