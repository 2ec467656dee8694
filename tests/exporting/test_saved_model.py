"""The exported model does alone what the run does: raw counts in, the same probabilities out."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.preprocess import normalize_micrograph
from tem_rf.errors import ModelError, StorageError
from tem_rf.evaluation.evaluate import evaluate_run
from tem_rf.exporting.export import export_run
from tem_rf.inference.card import ModelCard
from tem_rf.inference.model import load_segmenter
from tem_rf.inference.predict import segment_micrograph
from tem_rf.runs import RunFolder
from tem_rf.runs.dataset import open_training_data
from tests.helpers.labelled_folder import counts_with_disc
from tests.helpers.run_folders import new_run

ALONE = """
import sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
with np.load(sys.argv[2]) as images:
    results = {name: model.serve(images[name]) for name in images.files}
assert "tem_rf" not in sys.modules
np.savez(sys.argv[3], **{f"{name}_{key}": value for name, result in results.items() for key, value in result.items()})
"""


@pytest.fixture(scope="module")
def model(trained_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    evaluate_run(trained_run, open_training_data(trained_run.config))
    folder = tmp_path_factory.mktemp("models") / "discs"
    export_run(trained_run, folder)
    return folder


def raw_counts(number: int, shape: tuple[int, int], *, seed: int) -> np.ndarray:
    """(n, h, w) float32 counts with single and touching x-ray spikes, on the border too."""
    images = np.stack([counts_with_disc(shape, seed=seed + index)[0] for index in range(number)]).astype(np.float32)
    images[0, 5, 7] = 9000
    if shape[0] * shape[1] > 4000:  # more would no longer be outliers
        images[0, [20, 20], [30, 31]] = 8000, 7000
        images[0, 0, 3] = 5000
    return images


def test_tensorflow_alone_gives_the_probabilities_of_the_run(
    model: Path, trained_run: RunFolder, tmp_path: Path
) -> None:
    images = {"one": raw_counts(1, (90, 122), seed=50), "three": raw_counts(3, (61, 70), seed=60)}
    np.savez(tmp_path / "images.npz", allow_pickle=False, **images)
    command: list[str | Path] = [sys.executable, "-c", ALONE, model, tmp_path / "images.npz", tmp_path / "results.npz"]
    subprocess.run(command, check=True, capture_output=True)
    segmenter = load_segmenter(trained_run.path)
    with np.load(tmp_path / "results.npz") as results:
        for name, batch in images.items():
            probability, mask = results[f"{name}_probability"], results[f"{name}_mask"]
            assert probability.shape == mask.shape == batch.shape
            expected = [segment_micrograph(segmenter, Micrograph(image)) for image in batch]
            np.testing.assert_allclose(probability, [one.probability for one in expected], rtol=0, atol=1e-5)
            assert 0.05 < probability.mean() < 0.95
            np.testing.assert_array_equal(mask, (probability > 0.5).astype(np.uint8))


@pytest.mark.parametrize("normalization", ["standard", "robust", "percentile", "min-max"])
@pytest.mark.parametrize("xray_threshold", [None, 300.0])
def test_the_graph_normalizes_as_the_preparation_does(normalization: str, xray_threshold: float | None) -> None:
    from tem_rf.exporting.saved_model import normalize_counts

    settings = PreprocessingSettings(normalization=normalization, xray_threshold=xray_threshold)
    image = raw_counts(1, (90, 122), seed=3)[0]
    expected = normalize_micrograph(image, settings)
    np.testing.assert_allclose(normalize_counts(image, settings), expected, rtol=0, atol=1e-5)
    if xray_threshold is not None:
        spikes = normalize_micrograph(image, settings.model_copy(update={"xray_threshold": None}))
        assert np.abs(spikes - expected).max() > 0.1, "without the removal the spikes stand: the test can fail"


def test_the_graph_leaves_images_that_hold_no_counts_alone() -> None:
    from tem_rf.exporting.saved_model import normalize_counts

    image = np.random.default_rng(0).normal(size=(50, 50)).astype(np.float32)
    settings = PreprocessingSettings(xray_threshold=2.0)
    np.testing.assert_allclose(normalize_counts(image, settings), normalize_micrograph(image, settings), atol=1e-5)


def test_the_graph_leaves_outliers_in_where_they_are_too_many_to_be_any() -> None:
    from tem_rf.exporting.saved_model import normalize_counts

    image = raw_counts(1, (90, 122), seed=3)[0]
    image[::5, ::5] += 4000
    settings = PreprocessingSettings(xray_threshold=1500.0)
    expected = (image - image.mean(dtype=np.float64)) / image.std(dtype=np.float64)
    np.testing.assert_allclose(normalize_micrograph(image, settings), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(normalize_counts(image, settings), expected, rtol=0, atol=1e-5)


def test_the_card_says_what_a_user_must_know(model: Path, trained_run: RunFolder) -> None:
    card = ModelCard.read(model)
    assert card.architecture == trained_run.config.architecture
    assert (card.receptive_field.equation_size_px, card.receptive_field.reach_px, card.stride_px) == (44, 23, 4)
    assert card.pixel_size_nm == pytest.approx(0.02, abs=1e-6)
    assert card.receptive_field.equation_size_nm == pytest.approx(0.88, abs=1e-4)
    assert card.seed == 752
    assert 0.5 < card.test.hard_dice <= 1
    assert card.best_epoch in (1, 2, 3)


def test_run_and_exported_model_segment_alike(model: Path, trained_run: RunFolder) -> None:
    micrograph = Micrograph(raw_counts(1, (75, 130), seed=9)[0], pixel_size_nm=0.02)
    exported, live = (segment_micrograph(load_segmenter(path), micrograph) for path in (model, trained_run.path))
    np.testing.assert_allclose(exported.probability, live.probability, rtol=0, atol=1e-5)


def test_a_run_without_a_finished_epoch_cannot_be_exported(tiny_dataset: Path, tmp_path: Path) -> None:
    run = new_run(tiny_dataset, tmp_path / "run")
    with pytest.raises(ModelError, match="has no trained network yet; continue with `tem-rf resume"):
        export_run(run, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_full_disk_leaves_nothing_and_keeps_the_model_before(
    model: Path, trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (model / "model.json").read_bytes()

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tem_rf.exporting.folder.write_json", full)
    for place in (tmp_path / "new", model):
        with pytest.raises(StorageError, match="no space left"):
            export_run(trained_run, place)
    assert list(tmp_path.iterdir()) == []
    assert (model / "model.json").read_bytes() == before
    assert [path.name for path in model.parent.iterdir()] == ["discs"]


def test_a_card_of_another_version_is_refused(model: Path, tmp_path: Path) -> None:
    content = json.loads((model / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**content, "schema_version": 7}))
    with pytest.raises(ModelError, match="schema version 7, this tem-rf reads 1"):
        load_segmenter(tmp_path)


def test_a_damaged_model_is_one_line(model: Path, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes((model / "model.json").read_bytes())
    (tmp_path / "saved_model.pb").write_bytes(b"\0" * 100)
    with pytest.raises(ModelError) as caught:
        load_segmenter(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_neither_run_nor_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="contains neither a run nor an exported model"):
        load_segmenter(tmp_path)


def test_another_backend_is_refused_with_the_way_out(
    trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ModelError, match="KERAS_BACKEND=tensorflow"):
        export_run(trained_run, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
