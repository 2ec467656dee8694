"""A training starts from the weights of a trained network: model, run, `.keras` file or published file."""

import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from tem_rf import Architecture
from tem_rf.errors import DatasetError, ModelError, ReadError, RunError, SettingsError
from tem_rf.exporting.export import export_run
from tem_rf.jobs.train import TrainRequest, plan_runs
from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import Event, NoticeEvent, StepEvent
from tem_rf.runs.network import load_network, load_start
from tem_rf.training import reporting
from tem_rf.training.starting_point import find_starting_point
from tem_rf.training.train import train
from tests.helpers.outcome import final_state
from tests.helpers.published_file import named_weights, positive_variances, unet, write_pytorch_file


def plan(dataset: Path, start_from: object, runs: Path, **settings: object) -> RunFolder:
    given = {"epochs": 1, "batch_size": 16, **settings}
    (planned,) = plan_runs(TrainRequest.build(dataset=dataset, start_from=str(start_from), runs=runs, **given))
    return planned.run


def weights_of(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(weight) for weight in model.weights]


def assert_equal(one: keras.Model, other: keras.Model) -> None:
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_takes_architecture_and_weights_of_the_run_that_it_starts_from(
    trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path
) -> None:
    run = plan(tiny_dataset, trained_run.path, tmp_path)
    assert run.config.architecture == trained_run.config.architecture
    assert (run.config.start.name, run.config.start.sha256) == (trained_run.name, trained_run.network_sha256)
    assert (run.config.start.normalization, run.config.training.recipe) == ("standard", "finetune")
    assert_equal(load_start(run), load_network(trained_run))


def test_every_kind_of_file_gives_the_same_weights(trained_run: RunFolder, tmp_path: Path) -> None:
    export_run(trained_run, tmp_path / "model")
    shutil.copy(trained_run.model_file, tmp_path / "alone.keras")
    points = [find_starting_point(str(path), tmp_path) for path in (tmp_path / "model", tmp_path / "alone.keras")]
    for point in points:
        assert point.architecture == trained_run.config.architecture
        assert_equal(point.load(), load_network(trained_run))
    assert [point.ancestor.normalization for point in points] == ["standard", None]


def test_a_published_file_gives_its_weights(tmp_path: Path) -> None:
    weights = positive_variances(named_weights(Architecture((2, 2))))
    file = write_pytorch_file(tmp_path / "published.h5", unet(Architecture((2, 2)), weights))
    point = find_starting_point(str(file), tmp_path)
    assert (point.ancestor.name, point.ancestor.normalization) == ("published", "min-max")
    np.testing.assert_array_equal(point.load().get_layer("head").kernel, weights["head/kernel"])


@pytest.mark.parametrize("freeze", [None, "encoder_and_bottleneck"])
def test_an_interrupted_training_ends_in_the_same_bits_without_the_model(
    freeze: str | None,
    trained_run: RunFolder,
    tiny_dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reporting, "STEP_EVENT_INTERVAL_S", 0.0)
    model = shutil.copytree(trained_run.path, tmp_path / "model")
    whole, stopped = (plan(tiny_dataset, model, tmp_path, name=name, freeze=freeze) for name in ("whole", "stopped"))
    shutil.rmtree(model)
    train(whole)

    def stop(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step == 1:
            process.ask(stopped, "stop")

    assert [train(stopped, listener=stop).state, train(stopped).state] == ["stopped", "finished"]
    assert final_state(stopped) == final_state(whole)
    before, after = load_start(whole), load_network(whole)
    for layer in before.layers:
        is_frozen = freeze is not None and layer.name.startswith(("encoder", "bottleneck"))
        if layer.weights:
            are_equal = all(
                np.array_equal(a, b)
                for a, b in zip(layer.get_weights(), after.get_layer(layer.name).get_weights(), strict=True)
            )
            assert are_equal == is_frozen, layer.name


def test_what_cannot_be_compared_is_reported(trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path) -> None:
    shutil.copy(trained_run.model_file, tmp_path / "alone.keras")
    run = plan(tiny_dataset, tmp_path / "alone.keras", tmp_path)
    told: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, NoticeEvent):
            told.append(event.message)

    train(run, listener=listen)
    assert told[0].startswith("Starts from the weights of alone")
    assert "does not record its normalization" in told[1]
    assert "does not record its pixel size" in told[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normalization": "min-max"}, "`normalization` standard, .* expects min-max; prepare"),
        ({"pixel_size_nm": 3.0}, "0.5 nm/px, .* trained at 3 nm/px; prepare it again with `target_pixel_size_nm` 3"),
    ],
)
def test_a_dataset_prepared_in_another_way_is_refused(
    change: dict[str, object], message: str, trained_run: RunFolder, tiny_dataset: Path
) -> None:
    from tem_rf.data.prepared import open_dataset
    from tem_rf.runs.config import Ancestor
    from tem_rf.runs.dataset import _check_start

    dataset = open_dataset(tiny_dataset)
    manifest = dataset.manifest.model_copy(update={"pixel_size_nm": 0.5})
    object.__setattr__(dataset, "manifest", manifest)
    fields = {"name": "m", "sha256": "0", "pixel_size_nm": 0.5, "normalization": "standard"}
    _check_start(dataset, Ancestor.model_validate({**fields, "pixel_size_nm": 0.6}))  # within the tolerance
    with pytest.raises(DatasetError, match=message):
        _check_start(dataset, Ancestor.model_validate(fields | change))


def test_another_network_is_refused_with_the_one_that_fits(
    trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path
) -> None:
    message = "`network`: n2-p44 does not fit trained .n2-p22.; use n2-p22"
    with pytest.raises(SettingsError, match=message):
        plan(tiny_dataset, trained_run.path, tmp_path / "runs", network="n2-p44")
    assert not (tmp_path / "runs").exists()


def test_a_bad_model_is_refused_in_one_line_and_nothing_is_made(
    trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "lite").mkdir()
    (tmp_path / "lite" / "model.tflite").write_bytes(b"TFL3")
    (tmp_path / "text.h5").write_text("no network")
    (tmp_path / "cut.keras").write_bytes(trained_run.model_file.read_bytes()[:5000])
    inputs = keras.Input((None, None, 3), name="micrograph")
    coloured = keras.Model(inputs, keras.layers.Conv2D(2, 1, name="head")(inputs), name="n2-p22")
    coloured.save(tmp_path / "coloured.keras")
    inputs = keras.Input((None, None, 1), name="micrograph")
    keras.Model(inputs, keras.layers.Conv2D(3, 1, name="head")(inputs), name="n2-p22").save(tmp_path / "classes.keras")
    with zipfile.ZipFile(trained_run.model_file) as whole, zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad:
        for name in whole.namelist():
            bad.writestr(name, b"\0" * 50_000 if name.endswith(".h5") else whole.read(name))
    cases: list[tuple[str, type[Exception], str]] = [
        ("nothing", ModelError, "no such model or run"),
        ("nothing.keras", ModelError, "no such file"),
        ("lite", ModelError, "for LiteRT only"),
        ("lite/model.tflite", ModelError, "a LiteRT file"),
        ("text.h5", ReadError, "text.h5"),
        ("cut.keras", ModelError, "cannot be read as a `.keras` file"),
        ("bad.keras", ModelError, "cannot be read as n2-p22"),
        ("coloured.keras", ModelError, "3 channels"),
        ("classes.keras", ModelError, "has 3 classes; expected 2"),
    ]
    for name, error, message in cases:
        with pytest.raises(error, match=message) as raised:
            plan(tiny_dataset, tmp_path / name, tmp_path / "runs")
        assert "\n" not in str(raised.value)
        assert not (tmp_path / "runs").exists()


def test_runs_of_other_ancestry_are_other_runs(trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path) -> None:
    first = plan(tiny_dataset, trained_run.path, tmp_path, name="one")
    moved = shutil.copytree(trained_run.path, tmp_path / "moved" / trained_run.name)
    assert plan(tiny_dataset, moved, tmp_path, name="one").config.start.path == moved
    settings = {"network": "n2-p22", "recipe": "finetune", "epochs": 1, "batch_size": 16, "name": "one"}
    with pytest.raises(RunError, match=r"start\.name trained, received None"):
        plan_runs(TrainRequest.build(dataset=tiny_dataset, runs=tmp_path, **settings))
    assert first.config.trial.count("sha256") == 2


def test_freezing_needs_a_model(tiny_dataset: Path) -> None:
    with pytest.raises(SettingsError, match="`freeze`: is used with `start_from` only"):
        TrainRequest.build(dataset=tiny_dataset, freeze="encoder")
