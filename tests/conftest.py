"""What the tests share."""

from pathlib import Path

import pytest

from tem_rf.config.preparation import preparation_settings
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.runs import RunFolder
from tests.helpers.labelled_folder import write_folder, write_touching_folder
from tests.helpers.run_folders import new_run


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared dataset of dark discs in 32 px patches, which a network learns in seconds."""
    folder = tmp_path_factory.mktemp("tiny")
    return _in_patches(write_folder(folder / "raw", 6))


@pytest.fixture(scope="session")
def trained_run(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of three epochs on the tiny dataset; tests leave it as it is."""
    return _trained(new_run(tiny_dataset, tmp_path_factory.mktemp("runs") / "trained"))


@pytest.fixture(scope="session")
def numbered_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared dataset of discs in 32 px patches, some of which touch; its labels number them."""
    folder = tmp_path_factory.mktemp("numbered")
    return _in_patches(write_touching_folder(folder / "raw", 6))


@pytest.fixture(scope="session")
def distance_run(numbered_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of three epochs of a network with a distance output; tests leave it as it is."""
    return _trained(new_run(numbered_dataset, tmp_path_factory.mktemp("runs") / "distance", network="n2-p22-distance"))


def _trained(run: RunFolder) -> RunFolder:
    from tem_rf.training.train import train

    outcome = train(run)
    assert outcome.state == "finished", f"the training of the tests was stopped by signal {outcome.signal_number}"
    return run


def _in_patches(raw: Path) -> Path:
    """Prepare micrographs in patches of 32 px; the dataset is named `discs`."""
    dataset = raw.with_name("discs")
    prepare_dataset(raw, dataset, settings=preparation_settings(patch_size=32, background_threshold=20))
    return dataset
