"""A run is scored on the images it never saw."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tem_rf.config.preparation import preparation_settings
from tem_rf.data.dihedral import dihedral
from tem_rf.data.distance_target import normalized_distance
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.prepared import PreparedDataset, open_dataset
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import ReadError, RunError
from tem_rf.evaluation.evaluate import evaluate_baselines, evaluate_run, read_mask, score_patches
from tem_rf.evaluation.scoring import score_runs
from tem_rf.jobs.train import TrainRequest, train_one
from tem_rf.metrics.dice import hard_dice
from tem_rf.models.probability import particle_probability
from tem_rf.models.unet import build_unet
from tem_rf.plots.curves import write_curves_picture
from tem_rf.runs.dataset import open_training_data
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.network import load_network
from tem_rf.training.state import save_model
from tests.helpers.labelled_folder import write_pair
from tests.helpers.run_folders import new_run


@pytest.fixture(scope="module")
def dataset(trained_run: RunFolder) -> PreparedDataset:
    return open_training_data(trained_run.config)


def test_each_test_image_is_scored_once_and_written(trained_run: RunFolder, dataset: PreparedDataset) -> None:
    scores = evaluate_run(trained_run, dataset)
    indices = dataset.indices("test")
    assert [(one.source, one.y_px, one.x_px) for one in scores] == [
        (dataset.patches[index].source, dataset.patches[index].y_px, dataset.patches[index].x_px) for index in indices
    ]
    with trained_run.scores_file.open() as file:
        written = [float(row["hard_dice"]) for row in csv.DictReader(file)]
    assert written == pytest.approx([one.hard_dice for one in scores])


def test_the_masks_that_were_scored_stand_beside_the_scores(trained_run: RunFolder, dataset: PreparedDataset) -> None:
    scores = evaluate_run(trained_run, dataset)
    masks = [read_mask(trained_run.masks_file, place) for place in range(len(scores))]
    labels = np.asarray(dataset.labels[dataset.indices("test")])
    assert [one.hard_dice for one in scores] == pytest.approx([*hard_dice(np.array(masks), labels)])
    with pytest.raises(ReadError, match="evaluate the run again"):
        read_mask(trained_run.masks_file, len(scores))


def test_scores_are_those_of_the_network_on_the_patches(trained_run: RunFolder, dataset: PreparedDataset) -> None:
    indices = dataset.indices("validation")
    logits = load_network(trained_run)(np.asarray(dataset.images[indices])[..., np.newaxis], training=False)
    expected = hard_dice(particle_probability(np.asarray(logits)), dataset.labels[indices])
    scores = evaluate_run(trained_run, dataset, split="validation")
    assert [one.hard_dice for one in scores] == pytest.approx(expected)


def test_eight_transforms_score_the_turned_images_too(trained_run: RunFolder, dataset: PreparedDataset) -> None:
    once = evaluate_run(trained_run, dataset)
    before = trained_run.scores_file.read_text()
    eight = evaluate_run(trained_run, dataset, transforms=8)
    assert len(eight) == 8 * len(once)
    assert eight[: len(once)] == once
    index = dataset.indices("test")[0]
    turned = np.ascontiguousarray(dihedral(dataset.images[index], 3))[np.newaxis, ..., np.newaxis]
    probability = particle_probability(np.asarray(load_network(trained_run)(turned, training=False)))
    expected = hard_dice(probability, dihedral(dataset.labels[index], 3)[np.newaxis])
    assert eight[3 * len(once)].hard_dice == pytest.approx(expected[0])
    assert trained_run.scores_file.read_text() == before, "the table holds each image once"


def test_a_network_that_a_training_replaces_meanwhile_is_scored_again(trained_run: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "copy")
    shutil.copytree(trained_run.path, run.path)
    better = build_unet(run.config.architecture, seed=1)
    calls = []

    def replace_once(done: Any, number: int) -> None:
        calls.append(done)
        if len(calls) == 1:
            save_model(run, better)

    scores = evaluate_run(run, open_training_data(run.config), progress=replace_once)
    assert scores == evaluate_run(run, open_training_data(run.config))
    assert scores != evaluate_run(trained_run, open_training_data(run.config))
    assert run.is_scored
    with run.scores_file.open() as file:
        assert [float(row["soft_dice"]) for row in csv.DictReader(file)] == pytest.approx(
            [one.soft_dice for one in scores]
        )


def test_a_method_that_cannot_work_says_why_and_has_no_scores(dataset: PreparedDataset) -> None:
    results = evaluate_baselines(dataset)
    fourier, note = results["Fourier filtering"]
    assert fourier == []
    assert note
    assert len(results["brightness threshold"][0]) == len(dataset.indices("test"))


def test_particles_are_scored_one_by_one_by_the_numbers_of_the_label(tmp_path: Path) -> None:
    instances = np.zeros((48, 96), np.uint8)
    instances[10:30, 10:30], instances[10:30, 30:46], instances[20:40, 60:80] = 7, 9, 11  # the first two touch
    rng = np.random.default_rng(1)
    for name in ("a", "b", "c"):
        counts = rng.poisson(100, instances.shape).astype(np.uint16)
        write_pair(tmp_path / "in", name, counts, instances > 0, pixel_size_nm=None)
        write_tiff(tmp_path / "in" / "labels" / f"{name}.tif", instances)
    settings = preparation_settings(patch_size=48, background_threshold=0)
    dataset = prepare_dataset(tmp_path / "in", tmp_path / "out", settings=settings)
    assert (dataset.patches[0].y_px, dataset.patches[0].x_px, dataset.instances.dtype) == (0, 0, np.uint16)
    np.testing.assert_array_equal(dataset.instances[0] == 1, instances[:, :48] == 7)
    np.testing.assert_array_equal(dataset.instances[0] == 2, instances[:, :48] == 9)
    (scores,) = score_patches(dataset, np.array([0]), dataset.labels[[0]] * 1.0)
    assert (scores.merged, scores.split) == (2, 0)  # one region in the mask
    assert scores.instance_f1 == pytest.approx(2 / 3)  # of which the first is 400 of 720 px
    assert (scores.instance_precision, scores.instance_recall) == (1, 0.5)
    assert scores.panoptic_quality == pytest.approx(2 / 3 * 400 / 720)


def test_particles_of_a_network_with_a_distance_are_split_by_it_in_every_transform(
    distance_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, columns = np.indices((64, 64))
    front, behind = (np.hypot(rows - y, columns - x) < 14 for y, x in ((26, 22), (36, 38)))
    instances = np.where(front, 1, 2 * behind).astype(np.uint8)
    for name in ("a", "b", "c"):
        write_pair(tmp_path / "in", name, np.where(instances, 60, 90).astype(np.uint16), instances > 0, None)
        write_tiff(tmp_path / "in" / "labels" / f"{name}.tif", instances)
    settings = preparation_settings(patch_size=64, background_threshold=0)
    dataset = prepare_dataset(tmp_path / "in", tmp_path / "out", settings=settings)
    shown = np.stack([np.where(one, 0.1 + normalized_distance(one), -1) for one in dataset.instances.astype(int)])

    def network(images: np.ndarray, training: bool) -> np.ndarray:
        return np.concatenate([-images, images, images - 0.1], axis=-1)

    monkeypatch.setattr("tem_rf.runs.network.load_network", lambda run: network)
    scores = evaluate_run(distance_run, replace(dataset, images=shown.astype(np.float32)), transforms=8)
    assert [one.hard_dice for one in scores] == [1] * 8
    assert [(one.merged, one.split, one.instance_f1) for one in scores] == [(0, 0, 1)] * 8
    (as_one,) = score_patches(dataset, dataset.indices("test"), dataset.labels[dataset.indices("test")] * 1.0)
    assert (as_one.merged, as_one.instance_f1) == (2, pytest.approx(2 / 3))


def test_curves_are_drawn_with_a_line_per_seed(trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path) -> None:
    write_curves_picture(tmp_path / "curves.png", [trained_run, new_run(tiny_dataset, tmp_path / "untrained")])
    with Image.open(tmp_path / "curves.png") as picture:
        colours = {tuple(pixel) for pixel in np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()}
    assert (0, 0x72, 0xB2) in colours


def test_curves_of_runs_without_an_epoch_are_refused(tiny_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="untrained: no epoch is completed yet"):
        write_curves_picture(tmp_path / "curves.png", [new_run(tiny_dataset, tmp_path / "untrained")])
    assert not (tmp_path / "curves.png").exists()


def test_a_run_from_a_model_is_compared_with_it_and_with_scratch(
    trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained_run.path, tmp_path / "scratch")
    request = TrainRequest.build(
        dataset=tiny_dataset, start_from=str(trained_run.path), runs=tmp_path, name="tuned", epochs=1, batch_size=16
    )
    run = train_one(request)
    dataset = open_dataset(tiny_dataset)
    rows = score_runs([run], dataset, baseline=False)
    assert [row.method for row in rows] == ["n2-p22", "n2-p22", "before: trained"]
    assert [row.variant.split()[0] for row in rows[:2]] == ["from=trained", "from=scratch"]
    assert rows[1].scores["hard_dice"].mean == pytest.approx(rows[2].scores["hard_dice"].mean)
