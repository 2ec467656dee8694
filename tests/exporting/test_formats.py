"""Every format, run by its own runtime, gives what the run gives."""

import gc
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tem_rf import Architecture, build_unet
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.data.micrograph import Micrograph
from tem_rf.errors import ModelError
from tem_rf.exporting.bioimageio_description import package_sizes
from tem_rf.exporting.card_notes import CardNotes
from tem_rf.exporting.check import compare_formats, runtimes
from tem_rf.exporting.export import export_run
from tem_rf.exporting.folder import write_model_folder
from tem_rf.exporting.formats import FORMATS, formats_named
from tem_rf.inference.card import FieldOfView, ModelCard
from tem_rf.inference.model import Segmenter, load_segmenter
from tem_rf.inference.predict import segment_micrograph
from tem_rf.runs import RunFolder
from tests.helpers.command import tem_rf
from tests.helpers.labelled_folder import counts_with_disc

pytest.importorskip("tf2onnx", reason="needs the extra `exchange`")
# tf2onnx and bioimageio.core are older than the NumPy and the Protobuf they run with; bioimageio leaves files open.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:unclosed file:ResourceWarning"
)


REMARKS = CardNotes(authors=("A. Person",), license="CC-BY-4.0")


@pytest.fixture(scope="module")
def model(trained_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "discs"
    export_run(trained_run, folder, formats_named("keras,onnx,litert"), notes=REMARKS)
    return folder


@pytest.fixture(scope="module")
def package(trained_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    pytest.importorskip("bioimageio.core", reason="needs the extra `exchange`")
    folder = tmp_path_factory.mktemp("packages") / "discs"
    export_run(trained_run, folder, formats_named("bioimageio"), notes=REMARKS)
    yield folder
    gc.collect()  # closes the files that bioimageio left open, while their warnings are ignored


def test_every_format_gives_the_probability_of_the_run_at_two_sizes_and_batch_sizes(
    model: Path, trained_run: RunFolder
) -> None:
    comparisons = list(compare_formats([trained_run], model))
    assert {one.runtime for one in comparisons} == {"savedmodel", "keras", "onnx", "litert"}
    assert {one.shape for one in comparisons if one.runtime == "onnx"} == {
        (1, 65, 67),
        (1, 77, 67),
        (3, 65, 67),
        (3, 77, 67),
    }
    assert max(one.difference for one in comparisons) < 1e-5


def test_another_network_is_found_out(model: Path, trained_run: RunFolder, tmp_path: Path) -> None:
    other = build_unet(trained_run.config.architecture, seed=5)
    write_model_folder(other, ModelCard.read(model), tmp_path / "other")
    assert min(one.difference for one in compare_formats([trained_run], tmp_path / "other")) > 0.01


def test_onnx_runtime_alone_takes_counts_with_xray_outliers(
    model: Path, trained_run: RunFolder, tmp_path: Path
) -> None:
    counts = np.stack([counts_with_disc((71, 90), seed=seed)[0] for seed in (1, 2)]).astype(np.float32)
    counts[0, [5, 20, 20], [0, 30, 31]] = 9000, 8000, 7000
    np.save(tmp_path / "counts.npy", counts)
    alone = (
        "import sys, numpy as np, onnxruntime as ort\n"
        "session = ort.InferenceSession(sys.argv[1])\n"
        "np.save(sys.argv[3], session.run(None, {'counts': np.load(sys.argv[2])})[0])\n"
        "assert 'tensorflow' not in sys.modules and 'tem_rf' not in sys.modules\n"
    )
    paths = (model / "model.onnx", tmp_path / "counts.npy", tmp_path / "probability.npy")
    subprocess.run([sys.executable, "-c", alone, *paths], check=True, capture_output=True)
    segmenter = replace(load_segmenter(trained_run.path), temperature=ModelCard.read(model).temperature)
    live = [segment_micrograph(segmenter, Micrograph(image)).probability for image in counts]
    np.testing.assert_allclose(np.load(tmp_path / "probability.npy")[..., 0], live, rtol=0, atol=1e-5)


def test_keras_alone_loads_the_keras_file(model: Path) -> None:
    alone = (
        "import sys, keras\n"
        "print(keras.saving.load_model(sys.argv[1]).output_shape)\n"
        "assert 'tem_rf' not in sys.modules\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", alone, model / "model.keras"], check=True, capture_output=True, text=True
    )
    assert "(None, None, None, 2)" in result.stdout


def test_the_card_says_what_each_file_takes(model: Path) -> None:
    card = ModelCard.read(model)
    takes = {file.format: file.takes for file in card.files}
    assert takes["onnx"].startswith("raw counts")
    assert takes["litert"].startswith("images (n, h, w, 1) float32, any h and w")
    assert (card.authors, card.license) == (("A. Person",), "CC-BY-4.0")
    assert all((model / file.file).exists() for file in card.files)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "normalization"),
    [
        ("n2-p22-d112-smooth", "percentile"),
        ("n2-p24-average-bilinear", "min-max"),
        ("n2-p22-instance", "standard"),
        ("n1-p8-k5", "percentile"),
    ],
)
def test_every_architecture_is_exported_right(name: str, normalization: str, tmp_path: Path) -> None:
    architecture = Architecture.from_name(name)
    preprocessing = PreprocessingSettings(normalization=normalization, xray_threshold=300)
    network, card = build_unet(architecture, seed=3), card_of(architecture, preprocessing)
    formats = formats_named("keras,onnx,litert")
    write_model_folder(network, card, tmp_path / "model", formats)

    def logits(images: np.ndarray) -> np.ndarray:
        return np.asarray(network(images, training=False))

    segmenter = Segmenter(name, architecture, preprocessing, 0.02, logits, "")
    side = 8 * architecture.stride
    counts = np.stack([counts_with_disc((side, 2 * side), seed=seed, radius=6)[0] for seed in (1, 2)]).astype("f4")
    live = [segment_micrograph(segmenter, Micrograph(image)).probability for image in counts]
    for one in formats:
        for runtime_name, run in runtimes(tmp_path / "model", one, card):
            np.testing.assert_allclose(run(counts), live, rtol=0, atol=1e-4, err_msg=runtime_name)


def test_the_package_passes_the_test_of_bioimageio_without_a_network(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from bioimageio.core import test_model as test_package

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("tried to reach the network")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("socket.socket.connect", refuse)
    summary = test_package(package / "model.bioimageio.zip")
    assert summary.status == "passed", summary.format()
    run = {place for detail in summary.details for place in [detail.loc] if detail.loc and detail.loc[0] == "weights"}
    assert {place[1] for place in run} == {"tensorflow_saved_model_bundle", "onnx"}


def test_the_package_gives_the_probability_of_the_run(package: Path, trained_run: RunFolder) -> None:
    comparisons = [one for one in compare_formats([trained_run], package) if one.runtime != "savedmodel"]
    assert len(comparisons) == 8
    assert max(one.difference for one in comparisons) < 1e-4


def test_tiles_cut_by_bioimageio_leave_no_trace(package: Path) -> None:
    from bioimageio.core import create_prediction_pipeline, load_model_description, predict

    model = load_model_description(package / "model.bioimageio.zip")
    pipeline = create_prediction_pipeline(model, weights_format="onnx")
    counts = counts_with_disc((180, 204), seed=8)[0].astype(np.float32)[np.newaxis, ..., np.newaxis]
    normalized = (counts - counts.mean()) / counts.std()

    def probability(images: np.ndarray, **options: Any) -> np.ndarray:
        return predict(model=pipeline, inputs={"images": images}, **options).members["probability"].data.to_numpy()

    whole = probability(normalized, skip_preprocessing=True)
    tiled = probability(normalized, skip_preprocessing=True, blocksize_parameter=8)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-6)
    np.testing.assert_allclose(probability(counts, blocksize_parameter=8), whole, rtol=0, atol=1e-5)


def test_the_package_says_what_the_programs_must_know(package: Path) -> None:
    with zipfile.ZipFile(package / "model.bioimageio.zip") as file:
        names, text = set(file.namelist()), file.read("rdf.yaml").decode()
        assert "x-ray" in file.read("README.md").decode().lower()
    assert {"cover.png", "test_input.npy", "test_output.npy", "saved_model.zip", "weights.onnx"} <= names
    for words in (
        "zero_mean_unit_variance",
        "halo: 24",
        "min: 52",
        "step: 4",
        "10.1017/S1431927622012466",
        "A. Person",
    ):
        assert words in text


@pytest.mark.slow
def test_a_license_nobody_knows_is_one_line_and_leaves_nothing(trained_run: RunFolder, tmp_path: Path) -> None:
    pytest.importorskip("bioimageio.core", reason="needs the extra `exchange`")
    with pytest.raises(ModelError, match=r"rejects the package \(license") as caught:
        export_run(trained_run, tmp_path / "model", formats_named("bioimageio"), notes=CardNotes(license="mine"))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_halo_and_tiles_follow_the_reach_and_the_stride() -> None:
    sizes = package_sizes(card_of(Architecture((8, 8)), PreprocessingSettings()))
    assert (sizes.halo_px, sizes.minimum_px, sizes.step_px) == (256, 576, 64)
    assert (sizes.at_least(500), sizes.at_least(577)) == (576, 640)
    whole_image = package_sizes(card_of(Architecture((2, 2), normalization="instance"), PreprocessingSettings()))
    assert (whole_image.halo_px, whole_image.minimum_px) == (0, 4)


def test_a_package_that_is_not_installed_is_named_with_the_command(
    trained_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tem_rf.exporting.formats.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"onnx: needs onnx, onnxruntime, tf2onnx; run: pip install 'tem-rf\[exchange"):
        export_run(trained_run, tmp_path / "model", formats_named("onnx"))
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_fails_leaves_the_folder_as_it_was(
    model: Path, trained_run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.stat().st_mtime_ns for path in model.iterdir()}

    def fail(*_args: object, **_kwargs: object) -> None:
        raise ModelError("no")

    monkeypatch.setitem(write_model_folder.__globals__["_WRITERS"], FORMATS["litert"], fail)
    with pytest.raises(ModelError):
        export_run(trained_run, model, formats_named("litert"))
    assert {path: path.stat().st_mtime_ns for path in model.iterdir()} == before
    assert [path.name for path in model.parent.iterdir()] == ["discs"]


def test_the_command_adds_a_format_and_checks_all(
    trained_run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = partial(tem_rf, capfd, monkeypatch)
    assert run("export", trained_run.path, "--format", "keras", "--author", "A", "--license", "CC-BY-4.0").code == 0
    checked = json.loads(run("export", trained_run.path, "--format", "litert", "--check", "--json").stdout)
    assert [file["format"] for file in checked["card"]["files"]] == ["savedmodel", "keras", "litert"]
    assert (checked["card"]["authors"], checked["card"]["license"]) == (["A"], "CC-BY-4.0")  # as before
    assert len(checked["check"]) == 12
    assert max(one["difference"] for one in checked["check"]) < 1e-5

    network = keras.saving.load_model(tmp_path / "saved_models/trained/model.keras")
    network.layers[-2].set_weights(
        [weight + 0.1 * np.arange(weight.size).reshape(weight.shape) for weight in network.layers[-2].get_weights()]
    )
    network.save(tmp_path / "saved_models/trained/model.keras")
    refused = run("export", trained_run.path, "--check")
    assert refused.code == 1
    assert "keras differs from the run by" in refused.stderr.strip().splitlines()[-1]


def test_an_unknown_format_is_one_line(
    trained_run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = tem_rf(capfd, monkeypatch, "export", trained_run.path, "--format", "onnx,tiff")
    assert (result.code, result.stdout) == (2, "")
    assert "expected formats among savedmodel, keras, onnx, litert, bioimageio" in result.stderr


def card_of(architecture: Architecture, preprocessing: PreprocessingSettings) -> ModelCard:
    return ModelCard(
        name="made",
        architecture=architecture,
        parameters=architecture.parameters,
        receptive_field=FieldOfView.of(architecture, 0.02),
        stride_px=architecture.stride,
        pixel_size_nm=0.02,
        preprocessing=preprocessing,
        done_before=[],
        made_with={},
    )
