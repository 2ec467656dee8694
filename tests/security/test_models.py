"""Models, runs and weights from somebody else: arrays are taken from them, and nothing in them runs."""

import io
import json
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tem_rf.architecture import Architecture
from tem_rf.errors import ArchitectureError, ModelError, ReadError, RunError
from tem_rf.exporting.check import runtimes
from tem_rf.exporting.export import export_run
from tem_rf.exporting.formats import KERAS
from tem_rf.inference.card import ModelCard
from tem_rf.inference.model import load_segmenter
from tem_rf.runs import RunFolder
from tem_rf.runs.network import load_network
from tem_rf.runs.samples import read_samples

WEIGHTS = "model.weights.h5"


@pytest.fixture
def run(trained_run: RunFolder, tmp_path: Path) -> RunFolder:
    """A run that was received: a copy that a test may change."""
    return RunFolder(shutil.copytree(trained_run.path, tmp_path / "run"))


@pytest.fixture(scope="module")
def exported(trained_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    export_run(trained_run, folder)
    return folder


@pytest.fixture
def model(exported: Path, tmp_path: Path) -> Path:
    """An exported model that was received."""
    return shutil.copytree(exported, tmp_path / "model")


class RunsAsItIsLoaded(tf.saved_model.experimental.TrackableResource):
    """Part of a SavedModel that writes a file as soon as TensorFlow loads it."""

    def __init__(self, bait: str) -> None:
        super().__init__()
        self.bait = bait

    def _create_resource(self) -> Any:
        return tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.string)

    def _initialize(self) -> None:
        tf.io.write_file(self.bait, "written")


def test_the_graph_of_a_saved_model_never_runs(model: Path, tmp_path: Path) -> None:
    bait, malicious = tmp_path / "bait", tf.Module()
    malicious.resource = RunsAsItIsLoaded(str(bait))
    malicious.serve = tf.function(lambda: malicious.resource.resource_handle, input_signature=[])
    tf.saved_model.save(malicious, str(tmp_path / "malicious"))
    tf.saved_model.load(str(tmp_path / "malicious"))
    assert bait.exists()  # as TensorFlow itself has it
    bait.unlink()
    shutil.copy(tmp_path / "malicious" / "saved_model.pb", model)
    load_segmenter(model)
    assert not bait.exists()


@contextmanager
def changed_card(folder: Path) -> Iterator[dict[str, Any]]:
    content = json.loads((folder / "model.json").read_text())
    yield content
    (folder / "model.json").write_text(json.dumps(content))


def test_a_card_cannot_have_a_network_built_that_its_files_do_not_hold(model: Path) -> None:
    with changed_card(model) as card:
        card["architecture"]["filter_sequence"] = [4096, 8192, 16384]
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match="bytes of weights, but its network of"):
            load_segmenter(model)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("field", ["pooling_sequence", "dilation_sequence"])
def test_a_card_cannot_claim_a_field_that_fills_memory(field: str, model: Path) -> None:
    with changed_card(model) as card:
        card["architecture"][field] = [10**9] * len(card["architecture"][field])
    with pytest.raises(ModelError, match=f"{field}: expected .* of at most"):
        load_segmenter(model)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("convolutions_per_block", 2_000_000),
        ("kernel_size", 10**9 + 1),
        ("pooling_sequence", [1] * 50_000),
        ("filter_sequence", [10**3000] * 3),
        ("dilation_sequence", [1024, 1023, 1024]),
    ],
)
def test_an_architecture_cannot_claim_layers_that_take_hours_to_count(field: str, value: Any) -> None:
    content = {"pooling_sequence": [64, 64], "kernel_size": 63, "convolutions_per_block": 32, field: value}
    with pytest.raises(ArchitectureError, match="at most"):
        Architecture.from_json(content)


@pytest.mark.parametrize("content", ["[" * 200_000, '{"schema_version": ' + "9" * 5000 + "}", "\0" * 100])
def test_json_made_to_hurt_is_one_line(content: str, model: Path, run: RunFolder) -> None:
    (model / "model.json").write_text(content)
    run.config_file.write_text(content)
    for read, error in ((ModelCard.read, ModelError), (lambda path: RunFolder.open(path).config, RunError)):
        with pytest.raises(error) as caught:
            read(model if error is ModelError else run.path)
        assert "\n" not in str(caught.value)


def test_a_run_cannot_have_a_network_built_that_its_file_does_not_hold(run: RunFolder) -> None:
    config = json.loads(run.config_file.read_text())
    config["architecture"]["filter_sequence"] = [4096, 8192, 16384]
    run.config_file.write_text(json.dumps(config))
    with pytest.raises(ModelError, match="bytes of weights, but its network of"):
        load_network(run)


def repack(path: Path, **changes: Any) -> None:
    """Replace members of a .keras file; None keeps one as it is."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, changes.get(name.replace(".", "_"), content))


def lambda_config(bait: Path) -> Any:
    """The configuration of a model with a layer of Python code that creates a file."""
    inputs = keras.Input((None, None, 1))
    code = keras.layers.Lambda(eval(f"lambda images: (open({str(bait)!r}, 'w'), images)[1]"), output_shape=lambda s: s)
    model = keras.Model(inputs, code(inputs))
    bait.unlink(missing_ok=True)  # it ran as the model was built
    return model


def test_python_code_in_a_keras_file_never_runs(run: RunFolder, tmp_path: Path) -> None:
    bait = tmp_path / "bait"
    lambda_config(bait).save(tmp_path / "malicious.keras")
    bait.unlink(missing_ok=True)
    with zipfile.ZipFile(tmp_path / "malicious.keras") as archive:
        repack(run.model_file, config_json=archive.read("config.json"))
    load_network(run)  # takes the weights alone
    assert not bait.exists()


def test_keras_files_are_loaded_in_safe_mode(exported: Path, tmp_path: Path) -> None:
    bait = tmp_path / "bait"
    lambda_config(bait).save(tmp_path / KERAS.file)
    bait.unlink(missing_ok=True)
    with pytest.raises(ValueError, match="safe_mode"):
        next(runtimes(tmp_path, KERAS, ModelCard.read(exported)))
    assert not bait.exists()


def external_storage(file: Any, name: str, dataset: Any, private: Path) -> None:
    file.create_dataset(name, dataset.shape, dataset.dtype, external=[(str(private), 0, dataset.nbytes)])


def external_link(file: Any, name: str, dataset: Any, private: Path) -> None:
    with h5py.File(private.with_suffix(".h5"), "w") as other:
        other["x"] = dataset[...]
    file[name] = h5py.ExternalLink(str(private.with_suffix(".h5")), "x")


def compressed_without_end(file: Any, name: str, dataset: Any, private: Path) -> None:
    file.create_dataset(name, (10**6, 10**6), np.float32, chunks=(100, 100), compression="gzip")


@pytest.mark.parametrize("attack", [external_storage, external_link, compressed_without_end])
def test_weights_lie_in_the_file_itself_and_claim_what_it_holds(
    attack: Callable[..., Any], run: RunFolder, tmp_path: Path
) -> None:
    (tmp_path / "private").write_bytes(bytes(10_000))
    with zipfile.ZipFile(run.model_file) as archive:
        weights = io.BytesIO(archive.read(WEIGHTS))
    with h5py.File(weights, "r+") as file:
        names = []
        file.visititems(lambda name, found: names.append(name) if isinstance(found, h5py.Dataset) else None)
        dataset = file[names[0]]
        del file[names[0]]
        attack(file, names[0], dataset, tmp_path / "private")
    repack(run.model_file, model_weights_h5=weights.getvalue())
    with pytest.raises(ModelError) as caught:
        load_network(run)
    assert "\n" not in str(caught.value)


class CreatesAFile:
    """A pickle that creates a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def test_samples_of_a_run_are_neither_unpickled_nor_unpacked_to_any_size(run: RunFolder, tmp_path: Path) -> None:
    bait = tmp_path / "bait"
    np.savez(run.samples_file, epoch=np.array([CreatesAFile(bait)], dtype=object), images=0, labels=0, predictions=0)
    with pytest.raises(ReadError):
        read_samples(run.samples_file)
    assert not bait.exists()
    zeros = np.zeros((1, 2000, 2000), np.float32)
    np.savez_compressed(run.samples_file, epoch=1, images=zeros, labels=zeros, predictions=zeros)
    with pytest.raises(ReadError, match="compressed"):
        read_samples(run.samples_file)
