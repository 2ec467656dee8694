"""Evaluation fits a temperature on the validation images and measures it on the test images."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tem_rf.data.prepared import UNSURE, open_dataset
from tem_rf.evaluation.calibration import fit_on_validation, margins_of
from tem_rf.evaluation.evaluate import evaluate_run
from tem_rf.evaluation.trials import read_run
from tem_rf.inference.model import load_segmenter
from tem_rf.runs import RunFolder
from tem_rf.runs.calibration import read_calibration, temperature_of
from tem_rf.runs.dataset import open_training_data
from tem_rf.runs.network import load_network
from tests.helpers.command import tem_rf


@pytest.fixture
def evaluated(trained_run: RunFolder, tmp_path: Path) -> RunFolder:
    run = RunFolder(Path(shutil.copytree(trained_run.path, tmp_path / "run")))
    evaluate_run(run, open_training_data(run.config), pictures=tmp_path / "pictures")
    return run


def test_the_temperature_of_the_validation_images_is_kept_with_the_network(
    evaluated: RunFolder, tmp_path: Path
) -> None:
    calibration = read_calibration(evaluated)
    assert calibration is not None
    assert calibration.validation is not None
    assert calibration.test is not None
    assert calibration.temperature is not None
    dataset = open_training_data(evaluated.config)
    assert calibration.validation.images == len(dataset.indices("validation"))
    assert sum(calibration.test.after.pixels) == dataset.labels[dataset.indices("test")].size
    histogram, _ = margins_of(load_network(evaluated), dataset, "validation")
    around = [calibration.temperature * factor for factor in (0.9, 1, 1.1)]
    likelihoods = [histogram.negative_log_likelihood(temperature) for temperature in around]
    assert min(likelihoods) == likelihoods[1]
    assert load_segmenter(evaluated.path).temperature == calibration.temperature
    assert (tmp_path / "pictures" / "reliability.png").stat().st_size > 10_000


def test_the_temperature_of_another_network_is_not_used(evaluated: RunFolder) -> None:
    content = json.loads(evaluated.calibration_file.read_text())
    evaluated.calibration_file.write_text(json.dumps({**content, "network_sha256": "0" * 64}))
    assert temperature_of(evaluated) == 1
    evaluated.calibration_file.write_text("{")
    assert temperature_of(evaluated) == 1
    assert read_run(evaluated).calibration is None


def test_a_new_network_forgets_the_temperature(evaluated: RunFolder) -> None:
    evaluated.forget_scores()
    assert not evaluated.calibration_file.exists()


def test_pixels_that_are_not_sure_and_folds_have_no_part_in_it(trained_run: RunFolder, tiny_dataset: Path) -> None:
    from tem_rf.data.folds import in_fold

    dataset = open_dataset(tiny_dataset)
    network = load_network(trained_run)
    labels = np.array(dataset.labels)
    labels[:, :8] = UNSURE
    object.__setattr__(dataset, "labels", labels)
    histogram, images = margins_of(network, dataset, "validation")
    assert histogram.pixels == images * 24 * 32
    assert fit_on_validation(network, in_fold(dataset, 1, 3)) is None


def test_the_table_has_the_error_and_the_temperature(
    evaluated: RunFolder, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (row, *others) = json.loads(tem_rf(capfd, monkeypatch, "evaluate", evaluated.path, "--json").stdout)
    calibration = read_calibration(evaluated)
    assert calibration is not None
    assert calibration.test is not None
    assert row["calibration_error"]["mean"] == pytest.approx(calibration.test.after.error)
    assert row["uncalibrated_error"]["mean"] == pytest.approx(calibration.test.before.error)
    assert row["temperature"]["mean"] == calibration.temperature
    curve = row["reliability"][str(evaluated.config.seed)]["after"]
    assert [point[2] for point in curve] == [count for count in calibration.test.after.pixels if count]
    assert all(other["calibration_error"] is None for other in others)
