"""What methods miss is held against each other, pixel by pixel."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tem_rf.data.prepared import PreparedDataset
from tem_rf.evaluation.evaluate import evaluate_run
from tem_rf.evaluation.false_negatives import (
    compare_false_negatives,
    false_negative_maps,
    methods_of_runs,
    write_false_negative_tables,
)
from tem_rf.plots.false_negatives import write_false_negative_dice, write_false_negative_maps
from tem_rf.plots.segmentation import FALSE_NEGATIVE
from tem_rf.runs import RunFolder
from tem_rf.runs.dataset import open_training_data


@pytest.fixture(scope="module")
def dataset(trained_run: RunFolder) -> PreparedDataset:
    return open_training_data(trained_run.config)


def upper_half(image: np.ndarray) -> np.ndarray:
    mask = np.zeros(image.shape, bool)
    mask[: len(mask) // 2] = True
    return mask


METHODS = {
    "everything": lambda dataset, index: np.ones(dataset.images[index].shape, bool),
    "nothing": lambda dataset, index: np.zeros(dataset.images[index].shape, bool),
    "upper": lambda dataset, index: upper_half(dataset.images[index]),
    "lower": lambda dataset, index: ~upper_half(dataset.images[index]),
}


def test_dice_and_missed_parts_are_those_counted_by_hand(dataset: PreparedDataset) -> None:
    indices = dataset.indices("train")
    comparison = compare_false_negatives(METHODS, dataset, indices)
    for place, index in enumerate(indices):
        label = dataset.labels[index] > 0
        half = len(label) // 2
        upper, lower = int(label[:half].sum()), int(label[half:].sum())
        count = upper + lower
        assert comparison.fractions[place] == pytest.approx([0, 1, lower / count, upper / count])
        # Those of the upper half miss the lower part of the particles, and the other way round.
        assert comparison.dice[place, 1, 2] == pytest.approx((2 * lower + 1) / (count + lower + 1))
        assert comparison.dice[place, 2, 3] == pytest.approx(1 / (count + 1))
        assert comparison.dice[place, 0, 0] == 1
    np.testing.assert_array_equal(comparison.mean_dice, comparison.mean_dice.T)


def test_a_patch_without_particles_has_no_missed_part(dataset: PreparedDataset) -> None:
    empty = type(dataset)(
        dataset.folder, dataset.manifest, dataset.images, np.zeros_like(dataset.labels), dataset.patches
    )
    comparison = compare_false_negatives(METHODS, empty, [0])
    assert np.isnan(comparison.fractions).all()
    assert (comparison.dice == 1).all()


def test_networks_miss_what_their_scores_say(trained_run: RunFolder, dataset: PreparedDataset) -> None:
    methods, note = methods_of_runs([trained_run], dataset)
    assert (list(methods), note.split(":")[0]) == ([trained_run.name], "left out"), "discs have no fringes"
    (missed,) = false_negative_maps(methods, dataset, dataset.indices("test")[0])
    label = dataset.labels[dataset.indices("test")[0]] > 0
    mask = methods[trained_run.name](dataset, dataset.indices("test")[0])
    found = (label & ~missed).sum()
    dice = evaluate_run(trained_run, dataset)[0].hard_dice
    assert dice == pytest.approx((2 * found + 1) / (label.sum() + mask.sum() + 1))


def test_tables_and_pictures_hold_every_method(dataset: PreparedDataset, tmp_path: Path) -> None:
    comparison = compare_false_negatives(METHODS, dataset, dataset.indices("test"))
    images, pairs = write_false_negative_tables(tmp_path, comparison)
    with images.open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["nothing"]) for row in rows] == [1.0] * len(comparison.patches)
    with pairs.open() as file:
        table = {row["method"]: row for row in csv.DictReader(file)}
    assert float(table["upper"]["lower"]) == pytest.approx(comparison.mean_dice[2, 3], abs=1e-6)
    write_false_negative_dice(tmp_path / "dice.png", comparison.methods, comparison.mean_dice, len(comparison.patches))
    index = dataset.indices("test")[0]
    label = dataset.labels[index] > 0
    for name, maps in (("all", np.stack([label])), ("none", np.stack([label & False]))):
        write_false_negative_maps(tmp_path / f"{name}.png", np.zeros(label.shape), label, maps, [name])
    orange = {name: count_orange(tmp_path / f"{name}.png") for name in ("all", "none")}
    assert orange["none"] == 0 < orange["all"]


def count_orange(path: Path) -> int:
    """Pixels as the overlay paints misses over black."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    return int((np.abs(pixels - 0.55 * np.array(FALSE_NEGATIVE)).max(axis=-1) <= 2).sum())
