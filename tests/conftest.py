"""What the tests share."""

from pathlib import Path
from typing import Any

import pytest

from tem_rf import Architecture
from tem_rf.config.preparation import preparation_settings
from tem_rf.config.training import training_settings
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.runs import RunFolder
from tem_rf.runs.dataset import configure_run
from tests.data.labelled_folder import write_folder

SHARED = Path(__file__).parents[2] / "shared"


def shared_file(*parts: str) -> Path:
    """A file that does not ship with the project; the test skips where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is absent: it does not ship with the project")
    return path


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared dataset of dark discs in 32 px patches, which a network learns in seconds."""
    folder = tmp_path_factory.mktemp("tiny")
    settings = preparation_settings(patch_size=32, background_threshold=20)
    prepare_dataset(write_folder(folder / "raw", 6), folder / "discs", settings=settings)
    return folder / "discs"


@pytest.fixture(scope="session")
def trained_run(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of three epochs on the tiny dataset; tests leave it as it is."""
    from tem_rf.training.train import train

    run = new_run(tiny_dataset, tmp_path_factory.mktemp("runs") / "trained")
    train(run)
    return run


def new_run(dataset: Path, path: Path, **changes: Any) -> RunFolder:
    """A run folder on a dataset, untrained; changes are training settings."""
    settings = training_settings("paper", **{"epochs": 3, "batch_size": 16, "learning_rate": 0.01, **changes})
    return RunFolder.create_or_open(path, configure_run(dataset, Architecture((2, 2)), settings, seed=752))
