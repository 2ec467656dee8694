"""Run folders as trainings leave them, with scores that a test chose."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tem_rf import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.config.training import training_settings
from tem_rf.metrics.scores import ImageScores, write_scores
from tem_rf.runs import RunConfig, RunFolder
from tem_rf.runs.events import StatusEvent
from tests.runs.test_events import epoch_event

Scores = dict[str, Sequence[float]]
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
        by_micrograph = dice if isinstance(dice, dict) else {"m0": [dice], "m1": [dice]}
        write_scores(run.scores_file, [score for name in by_micrograph for score in patches(name, by_micrograph[name])])
    return run


def patches(micrograph: str, dice: Sequence[float]) -> list[ImageScores]:
    """Scores of the patches of one micrograph; other scores follow from the dice."""
    return [
        ImageScores(micrograph, 0, column, value / 2, value, value / 4, 1 - value, 10 * (1 - value), None, None)
        for column, value in enumerate(dice)
    ]
