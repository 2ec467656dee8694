"""Run folders: before a training, and as a training leaves them."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tem_rf import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.config.training import training_settings
from tem_rf.metrics.scores import ImageScores, write_scores
from tem_rf.runs import RunConfig, RunFolder
from tem_rf.runs.dataset import configure_run
from tem_rf.runs.events import EpochEvent, StatusEvent

Scores = Mapping[str, Sequence[float]]
"""Hard dice of the patches of each micrograph."""


def write_run(
    root: Path,
    network: str = "n2-p22",
    seed: int = 1,
    dice: float | Scores | None = 0.8,
    *,
    dataset: str = "au-5nm",
    sha256: str | None = None,
    state: str | None = "finished",
    detail: str = "",
    epoch_s: float = 10.0,
    pixel_size_nm: float | None = 0.02,
    **settings: object,
) -> RunFolder:
    """A run of two epochs, or of none without a state; without dice it is not scored."""
    config = RunConfig(
        dataset=Path("/data") / dataset,
        dataset_sha256=sha256 or hashlib.sha256(Path(dataset).name.encode()).hexdigest(),
        pixel_size_nm=pixel_size_nm,
        preprocessing=PreprocessingSettings(),
        architecture=Architecture.from_name(network),
        training=training_settings("paper", **{"epochs": 2, **settings}),
        seed=seed,
    )
    run = RunFolder.create_or_open(root / f"{len(list(root.glob('*'))):03}-{network}-s{seed}", config)
    if state is None:
        return run
    for epoch in (1, 2):
        run.event_log().write(epoch_event(epoch, epochs=2, duration_s=epoch_s, validation_hard_dice=0.4 * epoch))
    run.event_log().write(StatusEvent(state=state, detail=detail))
    run.model_file.write_bytes(b"weights")
    if dice is not None:
        by_micrograph = dice if isinstance(dice, Mapping) else {"m0": [dice], "m1": [dice]}
        write_scores(run.scores_file, [score for name in by_micrograph for score in patches(name, by_micrograph[name])])
    return run


def patches(micrograph: str, dice: Sequence[float]) -> list[ImageScores]:
    """Scores of the patches of one micrograph; other scores follow from the dice."""
    return [
        ImageScores(micrograph, 0, column, value / 2, value, value / 4, 1 - value, 10 * (1 - value), None, None)
        for column, value in enumerate(dice)
    ]


def new_run(dataset: Path, path: Path, network: str = "n2-p22", **changes: Any) -> RunFolder:
    """A run folder on a dataset, untrained; changes are training settings."""
    settings = training_settings("paper", **{"epochs": 3, "batch_size": 16, "learning_rate": 0.01, **changes})
    architecture = Architecture.from_name(network)
    return RunFolder.create_or_open(path, configure_run(dataset, architecture, settings, seed=752))


def epoch_event(number: int, **changes: Any) -> EpochEvent:
    """An epoch whose every measurement is 0.5, but for the changes."""
    fields = dict.fromkeys(EpochEvent.model_fields.keys() - {"version", "time", "kind"}, 0.5)
    return EpochEvent(**{**fields, "epoch": number, "epochs": 9, "is_best": False, **changes})
