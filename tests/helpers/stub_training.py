"""A training of milliseconds: writes what a training writes, the same for the same run however often it is killed.

Run: python stub_training.py [--epoch-s SECONDS] [--fails NETWORK] RUN
"""

import argparse
import sys
import time
from pathlib import Path

from tem_rf.metrics.scores import ImageScores, write_scores
from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import EpochEvent, StatusEvent, epochs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epoch-s", type=float, default=0.0)
    parser.add_argument("--fails", default="", help="network whose trainings fail")
    parser.add_argument("run", type=Path)
    options = parser.parse_args()
    train(RunFolder.open(options.run), options.epoch_s, options.fails)


def train(run: RunFolder, epoch_s: float = 0.0, fails: str = "") -> None:
    """Go on with a run to its last epoch, and score it."""
    with process.claim(run):
        log = run.event_log()
        config = run.config
        log.write(StatusEvent(state="running"))
        if config.architecture.name == fails:
            log.write(StatusEvent(state="failed", detail="the loss became nan"))
            sys.exit("tem-rf: the loss became nan")
        for epoch in range(len(epochs(run.events())) + 1, config.training.epochs + 1):
            time.sleep(epoch_s)
            if process.requested(run) == "stop":
                log.write(StatusEvent(state="stopped"))
                return
            log.write(_epoch(run, epoch))
        run.model_file.write_bytes(b"weights")
        write_scores(run.scores_file, [_scores(run, image) for image in range(2)])
        log.write(StatusEvent(state="finished"))


def final_dice(run: RunFolder) -> float:
    """What a run comes to: better with a wider field and, a little, by seed."""
    field = run.config.architecture.receptive_field.equation_size_px
    return 1 - 10 / (20 + field) - run.config.seed % 7 / 1000


def _epoch(run: RunFolder, number: int) -> EpochEvent:
    dice = final_dice(run) * (1 - 0.5**number)
    return EpochEvent(
        epoch=number,
        epochs=run.config.training.epochs,
        loss=1 - dice,
        soft_dice=dice,
        hard_dice=dice,
        validation_loss=1 - dice,
        validation_soft_dice=dice,
        validation_hard_dice=dice,
        is_best=True,
        learning_rate=1e-3,
        patches_per_s=1.0,
        duration_s=1.0,
        input_wait=0.0,
        memory_mb=1.0,
    )


def _scores(run: RunFolder, image: int) -> ImageScores:
    dice = final_dice(run) - image / 100
    return ImageScores(f"image{image}.tif", 0, 0, dice, dice, dice, 1.0, 2.0, None, None)


if __name__ == "__main__":
    main()
