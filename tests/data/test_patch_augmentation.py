"""Augmentation means the same by whatever a dataset was normalized."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf import Architecture
from tem_rf.config.augmentation import augmentation_settings
from tem_rf.config.preparation import preparation_settings
from tem_rf.config.training import training_settings
from tem_rf.data.patch_augmentation import build_augment
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.prepared import PreparedDataset, open_dataset
from tem_rf.errors import DatasetError
from tem_rf.runs.dataset import configure_run
from tests.helpers.labelled_folder import write_folder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreparedDataset]:
    """The same micrographs by each normalization."""
    place = tmp_path_factory.mktemp("normalized")
    raw = write_folder(place / "raw")
    return {
        name: prepare_dataset(
            raw,
            place / name,
            settings=preparation_settings(patch_size=32, background_threshold=20, normalization=name),
        )
        for name in ("standard", "percentile", "min-max")
    }


def augmented_counts(dataset: PreparedDataset, settings: Any) -> np.ndarray:
    """A patch after augmentation, back in counts."""
    source = next(one for one in dataset.manifest.sources if one.name == dataset.patches[0].source)
    augment = build_augment(dataset, settings, seed=1, epoch=1)
    return augment(np.asarray(dataset.images[0]), 0, 0) * source.scale + source.offset


@pytest.mark.parametrize("normalization", ["percentile", "min-max"])
@pytest.mark.parametrize(
    "change", [{"blur_px": 2}, {"dose_fraction": 0.3}, {"noise_sd": 0.5}, {"gain": 0.2}, {"offset": 0.3}]
)
def test_a_patch_changes_by_the_same_counts_by_whatever_it_was_normalized(
    prepared: dict[str, PreparedDataset], normalization: str, change: dict[str, Any]
) -> None:
    settings = augmentation_settings(**change)
    expected = augmented_counts(prepared["standard"], settings)
    np.testing.assert_allclose(augmented_counts(prepared[normalization], settings), expected, rtol=1e-4)


def without_moments(dataset: PreparedDataset, folder: Path) -> Path:
    """A copy of a dataset as older versions wrote it."""
    folder.mkdir()
    for path in dataset.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    manifest = json.loads((folder / "dataset.json").read_text())
    for source in manifest["sources"]:
        del source["mean"], source["sd"]
    (folder / "dataset.json").write_text(json.dumps(manifest))
    return folder


def test_of_an_older_dataset_standard_normalization_says_all_that_is_needed(
    prepared: dict[str, PreparedDataset], tmp_path: Path
) -> None:
    old = open_dataset(without_moments(prepared["standard"], tmp_path / "old"))
    settings = augmentation_settings(dose_fraction=0.3)
    np.testing.assert_array_equal(augmented_counts(old, settings), augmented_counts(prepared["standard"], settings))


def test_an_older_dataset_without_mean_and_sd_is_refused_before_training_with_augmentation(
    prepared: dict[str, PreparedDataset], tmp_path: Path
) -> None:
    old = without_moments(prepared["min-max"], tmp_path / "old")
    configure_run(old, Architecture((2, 2)), training_settings("paper"), seed=1)
    with pytest.raises(DatasetError, match=r"lacks mean and sd of m0.*min-max.*`overwrite`, or leave augmentation out"):
        configure_run(
            old, Architecture((2, 2)), training_settings("paper"), seed=1, augmentation=augmentation_settings(gain=0.1)
        )
