"""A run folder without a training."""

from pathlib import Path

import pytest

from tem_rf import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.config.training import training_settings
from tem_rf.runs import RunConfig, RunFolder


@pytest.fixture
def config() -> RunConfig:
    return RunConfig(
        dataset=Path("/data/au 5nm"),
        dataset_sha256="0" * 64,
        pixel_size_nm=0.02,
        preprocessing=PreprocessingSettings(),
        architecture=Architecture((2, 4)),
        training=training_settings("paper", epochs=3),
        seed=752,
    )


@pytest.fixture
def run(tmp_path: Path, config: RunConfig) -> RunFolder:
    return RunFolder.create_or_open(tmp_path / "runs" / "first", config)
