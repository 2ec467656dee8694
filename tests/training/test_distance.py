"""A network with a distance output trains like one without, and starts from one without."""

from pathlib import Path

import keras
import numpy as np
import pytest

from tem_rf import Architecture, build_unet
from tem_rf.config.augmentation import augmentation_settings
from tem_rf.data.dihedral import dihedral
from tem_rf.data.distance_target import UNKNOWN, distance_target
from tem_rf.data.patch_augmentation import build_augment
from tem_rf.data.prepared import open_dataset
from tem_rf.errors import DatasetError
from tem_rf.jobs.train import TrainRequest, plan_runs
from tem_rf.runs import RunFolder, process
from tem_rf.runs.dataset import notes_on_start
from tem_rf.runs.events import Event, StepEvent
from tem_rf.runs.network import load_network, load_start
from tem_rf.training import reporting
from tem_rf.training.batches import Batch, load_batch
from tem_rf.training.objective import distance_error, objective
from tem_rf.training.steppers.base import build_stepper
from tem_rf.training.train import train
from tests.helpers.outcome import final_state
from tests.helpers.run_folders import new_run

PLAIN, WITH_DISTANCE = (Architecture.from_name(name) for name in ("n2-p22", "n2-p22-distance"))


def test_the_second_output_adds_one_layer_and_changes_no_other() -> None:
    plain, model = build_unet(PLAIN, seed=752), build_unet(WITH_DISTANCE, seed=752)
    added = {layer.name for layer in model.layers} - {layer.name for layer in plain.layers}
    assert added == {"distance_head", "outputs"}
    assert model.count_params() - plain.count_params() == WITH_DISTANCE.parameters - PLAIN.parameters == 5
    images = np.random.default_rng(0).normal(size=(1, 16, 16, 1)).astype(np.float32)
    np.testing.assert_array_equal(model(images)[..., :2], plain(images))
    assert WITH_DISTANCE.receptive_field == PLAIN.receptive_field


def test_targets_are_transformed_and_augmented_with_their_image(numbered_dataset: Path) -> None:
    data = open_dataset(numbered_dataset)
    order = np.array([[0, 5], [3, 2]])
    batch = load_batch(data.images, data.labels, order, instances=data.instances)
    np.testing.assert_array_equal(batch.labels[..., :1], load_batch(data.images, data.labels, order).labels)
    for index, (patch, transform) in enumerate(order):
        expected = distance_target(data.labels[patch], data.instances[patch].astype(np.int32))
        np.testing.assert_allclose(batch.labels[index, ..., 1], dihedral(expected, transform))
        assert expected.max() == 1
    augment = build_augment(data, augmentation_settings(rotation_degrees=20, scale=1.3), seed=1, epoch=1)
    moved = load_batch(data.images, data.labels, order, augment, instances=data.instances)
    np.testing.assert_array_equal(moved.labels[..., 1] > 0, moved.labels[..., 0] == 1)
    assert (moved.labels[..., 1] > 0).any(axis=(1, 2)).all()
    assert not np.array_equal(moved.labels, batch.labels)


@pytest.mark.parametrize("ignores_unsure", [False, True])
def test_the_error_of_the_distance_is_added_where_it_is_known(ignores_unsure: bool) -> None:
    random = np.random.default_rng(1)
    label = random.integers(0, 2, (2, 4, 4, 1)).astype(np.float32)
    target = random.uniform(0, 1, (2, 4, 4, 1)).astype(np.float32)
    target[0, :2] = UNKNOWN
    outputs = random.normal(size=(2, 4, 4, 3)).astype(np.float32)
    labels = np.concatenate([label, target], axis=-1)
    plain, both = (
        objective("cross_entropy_dice", ignores_unsure=ignores_unsure, has_distance=has_distance)
        for has_distance in (False, True)
    )
    error = np.abs(outputs[..., 2] - target[..., 0])
    expected = (error[0, 2:].mean() + error[1].mean()) / 2
    assert float(distance_error(target[..., 0], outputs[..., 2])) == pytest.approx(expected, rel=1e-5)
    assert float(both.loss(labels, outputs)) == pytest.approx(float(plain.loss(label, outputs[..., :2])) + expected)
    np.testing.assert_array_equal(both.sums(labels, outputs), plain.sums(label, outputs[..., :2]))


def _one_step(batch: Batch) -> tuple[np.ndarray, list[np.ndarray]]:
    """Scores and weights of a step of gradient descent."""
    model = build_unet(WITH_DISTANCE, seed=1)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    stepper = build_stepper(model, optimizer, WITH_DISTANCE, objective("cross_entropy_dice", has_distance=True))
    sums = stepper.train(batch.images, batch.labels, patches_at_once=2)
    whole, parts = (stepper.evaluate(batch.images, batch.labels, patches_at_once=number) for number in (2, 1))
    np.testing.assert_allclose(whole, parts, rtol=1e-5)
    return sums, model.get_weights()


def test_the_folded_step_is_that_of_the_network(numbered_dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = open_dataset(numbered_dataset)
    batch = load_batch(data.images, data.labels, np.array([[0, 0], [1, 3]]), instances=data.instances)
    folded = _one_step(batch)
    monkeypatch.setattr("tem_rf.training.steppers.tensorflow.can_fold", lambda architecture: False)
    plain = _one_step(batch)
    np.testing.assert_allclose(folded[0], plain[0], atol=1e-4)
    for one, other in zip(folded[1], plain[1], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_it_learns_the_distance(distance_run: RunFolder, numbered_dataset: Path) -> None:
    data = open_dataset(numbered_dataset)
    order = np.array([[index, 0] for index in data.indices("validation")])
    batch = load_batch(data.images, data.labels, order, instances=data.instances)
    target = batch.labels[..., 1]
    trained, initial = (
        float(distance_error(target, np.asarray(model(batch.images, training=False))[..., 2]))
        for model in (load_network(distance_run), build_unet(WITH_DISTANCE, seed=752))
    )
    assert trained < float(distance_error(target, np.zeros_like(target))) < initial


def test_an_interrupted_training_ends_in_the_same_bits(
    distance_run: RunFolder, numbered_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "STEP_EVENT_INTERVAL_S", 0.0)
    run = new_run(numbered_dataset, tmp_path / "run", network=WITH_DISTANCE.name)

    def stop(event: Event) -> None:
        if isinstance(event, StepEvent) and (event.epoch, event.step) == (2, 1):
            process.ask(run, "stop")

    assert [train(run, listener=stop).state, train(run).state] == ["stopped", "finished"]
    assert final_state(run) == final_state(distance_run)


def _plan(dataset: Path, start_from: Path, runs: Path, network: str) -> RunFolder:
    request = TrainRequest.build(dataset=dataset, start_from=str(start_from), runs=runs, network=network, epochs=1)
    return plan_runs(request)[0].run


def test_a_start_from_a_network_without_it_keeps_the_weights_and_says_what_is_new(
    trained_run: RunFolder, numbered_dataset: Path, tmp_path: Path
) -> None:
    run = _plan(numbered_dataset, trained_run.path, tmp_path, WITH_DISTANCE.name)
    start, old, new = load_start(run), load_network(trained_run), build_unet(WITH_DISTANCE, seed=run.config.seed)
    for layer in start.layers:
        source = new if layer.name == "distance_head" else old
        for one, other in zip(
            layer.get_weights(), source.get_layer(layer.name).get_weights() if layer.weights else [], strict=True
        ):
            np.testing.assert_array_equal(one, other)
    assert "trained has no layer distance_head, which starts from initial weights." in notes_on_start(run.config)


def test_a_network_without_it_starts_from_one_with_it(
    distance_run: RunFolder, numbered_dataset: Path, tmp_path: Path
) -> None:
    run = _plan(numbered_dataset, distance_run.path, tmp_path, PLAIN.name)
    np.testing.assert_array_equal(
        load_start(run).get_layer("head").kernel, load_network(distance_run).get_layer("head").kernel
    )
    assert run.config.start.lacks == ()


def test_labels_without_numbers_are_refused(tiny_dataset: Path, tmp_path: Path) -> None:
    request = TrainRequest.build(dataset=tiny_dataset, runs=tmp_path, network=WITH_DISTANCE.name)
    with pytest.raises(DatasetError, match=r"do not number their particles.*or train n2-p22"):
        plan_runs(request)
    assert not list(tmp_path.iterdir())
