"""A dataset is converted to another normalization when it is read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf import Architecture
from tem_rf.config.training import training_settings
from tem_rf.data.prepared import open_dataset, write_tables
from tem_rf.data.renormalized import in_normalization
from tem_rf.errors import DatasetError, SettingsError
from tem_rf.runs.config import Ancestor
from tem_rf.runs.dataset import configure_run, open_training_data
from tests.helpers.labelled_folder import prepare_by_normalization


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same micrographs by each normalization."""
    return prepare_by_normalization(tmp_path_factory.mktemp("renormalized"), ("standard", "robust", "min-max"))


@pytest.mark.parametrize("one", ["standard", "robust", "min-max"])
@pytest.mark.parametrize("other", ["standard", "robust"])
def test_converted_patches_are_those_of_the_other_preparation(prepared: Any, one: str, other: Any) -> None:
    converted = in_normalization(prepared[one], other)
    expected = np.asarray(prepared[other].images)
    np.testing.assert_allclose(np.asarray(converted.images), expected, atol=1e-5)
    np.testing.assert_allclose(converted.images[1], expected[1], atol=1e-5)
    np.testing.assert_allclose(converted.images[np.array([2, 0])], expected[[2, 0]], atol=1e-5)
    assert (converted.images.shape, converted.images[0].dtype) == (expected.shape, np.float32)
    assert converted.manifest.settings.normalization == other
    assert converted.fingerprint == prepared[one].fingerprint


def test_levels_that_are_not_recorded_are_asked_for(prepared: Any) -> None:
    with pytest.raises(DatasetError, match="was prepared with `normalization` standard and does not record what min-"):
        in_normalization(prepared["standard"], "min-max")


def configured(dataset: Any, recipe: str, start: Any = None, **changes: Any) -> Any:
    return configure_run(
        dataset.folder, Architecture((2,)), training_settings(recipe, **changes), 752, start=start
    ).preprocessing.normalization


def ancestor(normalization: Any) -> Ancestor:
    return Ancestor(name="m", sha256="0", pixel_size_nm=None, normalization=normalization)


def test_a_recipe_says_which_normalization_is_learned(prepared: Any) -> None:
    standard = prepared["standard"]
    assert configured(standard, "best") == "robust"
    assert configured(standard, "paper") == "standard"
    assert configured(standard, "paper", normalization="robust") == "robust"
    assert configured(prepared["min-max"], "best") == "min-max", "given at preparation"
    assert configured(prepared["robust"], "paper", normalization="standard") == "standard"


def test_a_model_to_start_from_keeps_its_normalization(prepared: Any) -> None:
    assert configured(prepared["standard"], "finetune", ancestor("robust")) == "robust"
    assert configured(prepared["robust"], "finetune", ancestor("standard")) == "standard"
    assert configured(prepared["standard"], "finetune", ancestor(None)) == "standard"
    with pytest.raises(SettingsError, match="`normalization`: m expects standard, received robust; leave it out"):
        configured(prepared["standard"], "finetune", ancestor("standard"), normalization="robust")


def test_a_run_reads_its_dataset_in_its_normalization(prepared: Any) -> None:
    config = configure_run(prepared["standard"].folder, Architecture((2,)), training_settings("best"), 752)
    np.testing.assert_allclose(open_training_data(config).images[0], prepared["robust"].images[0], atol=1e-5)


def test_a_dataset_of_an_earlier_version_keeps_its_normalization(prepared: Any, tmp_path: Path) -> None:
    from shutil import copytree

    folder = Path(copytree(prepared["standard"].folder, tmp_path / "earlier"))
    dataset = open_dataset(folder)
    sources = tuple(source.model_copy(update={"robust": None}) for source in dataset.manifest.sources)
    write_tables(folder, dataset.manifest.model_copy(update={"sources": sources}), dataset.patches)
    assert configured(open_dataset(folder), "best") == "standard"
