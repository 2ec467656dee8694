"""An exported network with a distance output gives it in every format that can hold it."""

from pathlib import Path

import numpy as np
import pytest

from tem_rf.data.micrograph import Micrograph
from tem_rf.data.preprocess import normalize_micrograph
from tem_rf.exporting.check import compare_formats
from tem_rf.exporting.export import export_run
from tem_rf.exporting.formats import formats_named
from tem_rf.inference.card import ModelCard
from tem_rf.inference.model import load_segmenter
from tem_rf.inference.predict import segment_by_ensemble
from tem_rf.models.ensemble import build_ensemble, mean_logits
from tem_rf.runs import RunFolder
from tests.helpers.labelled_folder import counts_with_disc
from tests.helpers.networks import trained

pytest.importorskip("tf2onnx", reason="needs the extra `exchange`")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:unclosed file:ResourceWarning",
    r"ignore:\s*Warning. tf.lite.Interpreter is deprecated:UserWarning",
)


@pytest.fixture(scope="module")
def model(distance_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "discs"
    export_run(distance_run, folder, formats_named("keras,onnx,litert"))
    return folder


def test_every_format_gives_the_distance_of_the_run(model: Path, distance_run: RunFolder) -> None:
    import keras
    import onnxruntime
    import tensorflow as tf

    assert max(one.difference for one in compare_formats([distance_run], model)) < 1e-5
    counts = np.stack([counts_with_disc((64, 68), seed=seed)[0] for seed in (1, 2)]).astype(np.float32)
    segmenter = load_segmenter(distance_run.path)
    live = np.stack([segment_by_ensemble([segmenter], Micrograph(one), with_distance=True).distance for one in counts])
    loaded = tf.saved_model.load(model)
    served = loaded.serve(counts)
    assert {name: value.shape for name, value in served.items()} == dict.fromkeys(
        ("probability", "distance", "mask"), (2, 64, 68)
    )
    np.testing.assert_allclose(served["distance"], live, atol=1e-4)
    session = onnxruntime.InferenceSession(model / "model.onnx", providers=["CPUExecutionProvider"])
    (onnx,) = session.run(["distance"], {"counts": counts})
    np.testing.assert_allclose(onnx[..., 0], live, atol=1e-4)
    images = np.stack([normalize_micrograph(one, segmenter.preprocessing) for one in counts])[..., np.newaxis]
    alone = keras.saving.load_model(model / "model.keras", safe_mode=True)
    np.testing.assert_allclose(np.asarray(alone(images, training=False))[..., 2], live, atol=1e-4)
    interpreter = tf.lite.Interpreter(str(model / "model.tflite"))
    serve = interpreter.get_signature_runner(next(iter(interpreter.get_signature_list())))
    np.testing.assert_allclose(serve(images=images)["distance"][..., 0], live, atol=1e-4)


def test_the_card_says_so(model: Path) -> None:
    card = ModelCard.read(model)
    assert (card.architecture.name, card.parameters) == ("n2-p22-distance", 8079)
    assert all("distance" in file.gives for file in card.files)
    assert "`split_touching`" in (model / "README.md").read_text()


def test_the_exported_model_segments_as_the_run(model: Path, distance_run: RunFolder) -> None:
    image = Micrograph(counts_with_disc((70, 90), seed=5)[0])
    run, exported = (
        segment_by_ensemble([load_segmenter(path)], image, with_distance=True) for path in (distance_run.path, model)
    )
    np.testing.assert_array_equal(run.distance, exported.distance)


def test_an_ensemble_averages_the_distances(distance_run: RunFolder) -> None:
    networks = [trained(distance_run.config.architecture, seed) for seed in (1, 2)]
    images = np.random.default_rng(3).normal(size=(1, 16, 16, 1)).astype(np.float32)
    outputs = np.stack([np.asarray(network(images, training=False)) for network in networks])
    ensemble = np.asarray(build_ensemble(networks)(images, training=False))
    np.testing.assert_allclose(ensemble[..., 2], outputs[..., 2].mean(axis=0), atol=1e-5)
    functions = [lambda given, network=network: np.asarray(network(given, training=False)) for network in networks]
    np.testing.assert_allclose(mean_logits(functions)(images), ensemble, atol=1e-4)


def test_a_bioimageio_package_holds_the_probability_alone(distance_run: RunFolder, tmp_path: Path) -> None:
    pytest.importorskip("bioimageio.core", reason="needs the extra `exchange`")
    export_run(distance_run, tmp_path / "model", formats_named("bioimageio"))
    card = ModelCard.read(tmp_path / "model")
    assert card.files[-1].gives.endswith("; the distance is in the other formats only")
    assert max(one.difference for one in compare_formats([distance_run], tmp_path / "model")) < 1e-4
