"""Augmentation means the same by whatever a dataset was normalized."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf import Architecture
from tem_rf.config.augmentation import augmentation_settings
from tem_rf.config.preparation import preparation_settings
from tem_rf.config.simulation import simulation_settings
from tem_rf.config.training import training_settings
from tem_rf.data.patch_augmentation import build_augment, noise_of_sources
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.prepared import open_dataset
from tem_rf.data.simulation.simulate import simulate_micrographs
from tem_rf.errors import DatasetError
from tem_rf.runs.dataset import configure_run
from tests.helpers.labelled_folder import counts_with_disc, prepare_by_normalization, write_pair


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same micrographs by each normalization."""
    return prepare_by_normalization(tmp_path_factory.mktemp("normalized"), ("standard", "percentile", "min-max"))


def augmented_counts(dataset: Any, settings: Any) -> Any:
    """A patch after augmentation, back in counts."""
    source = next(one for one in dataset.manifest.sources if one.name == dataset.patches[0].source)
    augment = build_augment(dataset, settings, seed=1, epoch=1)
    image, _ = augment(np.asarray(dataset.images[0]), np.asarray(dataset.labels[0]), 0, 0)
    return image * source.scale + source.offset


@pytest.mark.parametrize("normalization", ["percentile", "min-max"])
@pytest.mark.parametrize(
    "change",
    [
        {"blur_px": 2},
        {"dose_fraction": 0.3},
        {"noise_sd": 0.5},
        {"gain": 0.2},
        {"offset": 0.3},
        {"reduction": 4},
        {"gamma": 1.5},
        {"illumination": 0.5},
        {"rotation_degrees": 45, "scale": 1.4},
    ],
)
def test_a_patch_changes_by_the_same_counts_by_whatever_it_was_normalized(
    prepared: Any, normalization: Any, change: Any
) -> None:
    settings = augmentation_settings(**change)
    expected = augmented_counts(prepared["standard"], settings)
    alike = np.isclose(augmented_counts(prepared[normalization], settings), expected, rtol=1e-4)
    assert alike.mean() > 0.99  # the last digit decides whether a pixel gets one electron more


def test_image_and_label_are_rotated_and_scaled_alike(prepared: Any) -> None:
    dataset = prepared["standard"]
    label = np.asarray(dataset.labels[0])
    augment = build_augment(dataset, augmentation_settings(rotation_degrees=45, scale=1.4), seed=1, epoch=1)
    image, turned = augment(label.astype(np.float32), label, 0, 3)
    assert turned.dtype == label.dtype
    assert (turned != label).any()
    assert ((image > 0.5) == turned).mean() > 0.97


def test_the_gain_of_simulated_micrographs_comes_with_them(tmp_path: Path) -> None:
    settings = simulation_settings(
        size_px=128,
        diameter_nm=2.0,
        particle_count=1,
        small_particles=0,
        carbon_nm=1.0,
        defocus_nm=20.0,
        counts_per_electron=17.0,
        quantum_efficiency=0.5,
    )
    simulate_micrographs(settings, tmp_path / "au", count=3, seed=1, workers=1)
    dataset = prepare_dataset(
        tmp_path / "au", tmp_path / "prepared", settings=preparation_settings(patch_size=64, background_threshold=20)
    )
    assert {source.counts_per_electron for source in dataset.manifest.sources} == {34.0}
    mean = next(source.mean for source in dataset.manifest.sources if source.name == dataset.patches[0].source)
    noise = noise_of_sources(dataset, None)[dataset.patches[0].source]
    assert noise.level == pytest.approx(34 * mean)
    assert noise.transfer((64, 64))[0, 32] < 0.2  # at the Nyquist frequency, of a blur of 1 px


def test_a_gain_that_cannot_be_known_is_refused_before_training(tmp_path: Path) -> None:
    from scipy import ndimage

    for index in range(3):
        image, mask = counts_with_disc(seed=index)
        write_pair(tmp_path / "raw", f"m{index}", ndimage.gaussian_filter(image.astype(np.float32), 1.5), mask)
    preparation = preparation_settings(patch_size=32, background_threshold=20)
    dataset = prepare_dataset(tmp_path / "raw", tmp_path / "prepared", settings=preparation)
    with pytest.raises(DatasetError, match=r"prepared: m\d.* has noise that is blurred.*give counts_per_electron"):
        configure_run(
            dataset.folder,
            Architecture((2, 2)),
            training_settings("paper"),
            seed=1,
            augmentation=augmentation_settings(dose_fraction=0.5),
        )


def without_moments(dataset: Any, folder: Path) -> Any:
    """A copy of a dataset as older versions wrote it."""
    folder.mkdir()
    for path in dataset.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    manifest = json.loads((folder / "dataset.json").read_text())
    for source in manifest["sources"]:
        del source["mean"], source["sd"]
    (folder / "dataset.json").write_text(json.dumps(manifest))
    return folder


def test_of_an_older_dataset_standard_normalization_says_all_that_is_needed(prepared: Any, tmp_path: Path) -> None:
    old = open_dataset(without_moments(prepared["standard"], tmp_path / "old"))
    settings = augmentation_settings(dose_fraction=0.3)
    np.testing.assert_array_equal(augmented_counts(old, settings), augmented_counts(prepared["standard"], settings))


def test_an_older_dataset_without_mean_and_sd_is_refused_before_training_with_augmentation(
    prepared: Any, tmp_path: Path
) -> None:
    old = without_moments(prepared["min-max"], tmp_path / "old")
    configure_run(old, Architecture((2, 2)), training_settings("paper"), seed=1)
    with pytest.raises(DatasetError, match=r"lacks mean and sd of m0.*min-max.*overwrite"):
        configure_run(
            old, Architecture((2, 2)), training_settings("paper"), seed=1, augmentation=augmentation_settings(gain=0.1)
        )
