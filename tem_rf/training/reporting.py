"""Reports of a training: timing of an epoch as events, and the epochs in TensorBoard format."""

import math
import time
from contextlib import suppress
from pathlib import Path

from tem_rf.runs.events import EpochEvent, Event, NoticeEvent, StepEvent
from tem_rf.training.batches import PrefetchedBatches
from tem_rf.training.objective import Scores
from tem_rf.training.state import Progress

STEP_EVENT_INTERVAL_S = 0.5
INPUT_WAIT_LIMIT = 0.05
MAX_SHARE_OF_START = 0.02  # of the initial weights in the average at the end of a training
SHORT_EPOCH_S = 10.0  # in a shorter epoch, most of the time is the wait for the first batch


class EpochTimer:
    """Times one epoch, or the rest of it after a restart.

    Args:
        batches: Report how long the training waited for data.
        steps: Steps of a complete epoch.
    """

    def __init__(self, batches: PrefetchedBatches, steps: int) -> None:
        self._batches, self._steps = batches, steps
        self._started, self._reported_at, self._patches = time.perf_counter(), 0.0, 0

    def after_step(self, patches: int, progress: Progress) -> StepEvent | None:
        """Count the patches of a step. Returns its report, unless the last report was a moment ago."""
        self._patches += patches
        now = time.perf_counter()
        if now - self._reported_at < STEP_EVENT_INTERVAL_S:
            return None
        self._reported_at = now
        return StepEvent(
            epoch=progress.epoch + 1,
            step=progress.step,
            steps=self._steps,
            loss=progress.scores.loss,
            patches_per_s=self._patches / (now - self._started),
            input_wait=self._batches.waited_s / (now - self._started),
        )

    def after_epoch(
        self, progress: Progress, training: Scores, validation: Scores, *, duration_s: float, epochs: int, rate: float
    ) -> EpochEvent:
        """The report of an epoch.

        Args:
            progress: Progress, including this epoch.
            training: Scores of the training patches.
            validation: Scores of the validation patches.
            duration_s: Duration of the training steps, without the validation [s].
            epochs: Epochs requested.
            rate: Learning rate.
        """
        return EpochEvent(
            epoch=progress.epoch,
            epochs=epochs,
            loss=training.loss,
            soft_dice=training.soft_dice,
            hard_dice=training.hard_dice,
            validation_loss=validation.loss,
            validation_soft_dice=validation.soft_dice,
            validation_hard_dice=validation.hard_dice,
            is_best=progress.best_epoch == progress.epoch,
            learning_rate=rate,
            patches_per_s=self._patches / duration_s,
            duration_s=duration_s,
            input_wait=self._batches.waited_s / duration_s,
            memory_mb=_memory_mb(),
        )

    @property
    def duration_s(self) -> float:
        """Time since the start of the epoch [s]."""
        return time.perf_counter() - self._started


def waits_for_data(event: EpochEvent) -> bool:
    """Whether an epoch of sufficient length spent more than 5 % of its time waiting for data."""
    return event.input_wait > INPUT_WAIT_LIMIT and event.duration_s >= SHORT_EPOCH_S


def waiting_notice(event: EpochEvent) -> NoticeEvent:
    """The notice about an epoch that waited for data."""
    return NoticeEvent(
        message=f"Epoch {event.epoch} spent {event.input_wait:.0%} of its time waiting for data, more than "
        f"{INPUT_WAIT_LIMIT:.0%}: copy the dataset to a faster disk, or give the training more processor cores."
    )


def learned_nothing_notice(event: EpochEvent, marked: str) -> NoticeEvent:
    """The notice about a network that still marks all pixels alike.

    Args:
        event: The epoch.
        marked: What it marks, `every pixel` or `no pixel`.
    """
    return NoticeEvent(
        message=f"After epoch {event.epoch} the network marks {marked} of the validation patches that are shown: it "
        "has learned nothing yet. If the next epochs do not change that, stop it and train with another seed; with "
        "some seeds a small network loses all of its few filters."
    )


def short_averaging_notice(momentum: float, steps: int) -> NoticeEvent | None:
    """The notice about a training that is too short for its averaged weights to forget the start.

    Args:
        momentum: Momentum per step of the averaged weights.
        steps: Steps of the whole training.
    """
    share = momentum**steps
    if share <= MAX_SHARE_OF_START:
        return None
    usable = math.floor(1000 * MAX_SHARE_OF_START ** (1 / steps)) / 1000
    return NoticeEvent(
        message=f"Weight averaging with a momentum of {momentum:g} keeps {share:.0%} of the initial weights after the "
        f"{steps} steps of this training, so the averaged network will be poor: use at most {usable:g}, or more epochs."
    )


def _memory_mb() -> float:
    import psutil

    return psutil.Process().memory_info().rss / 1e6


SCORES = ("loss", "soft_dice", "hard_dice")


class TensorBoardLog:
    """Writes the scores of epochs. Training and validation are two curves in one chart.

    Args:
        folder: The log folder, which `tensorboard` displays.
    """

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self._writers = {
            prefix: tf.summary.create_file_writer(str(folder / name))
            for name, prefix in (("training", ""), ("validation", "validation_"))
        }

    def show(self, event: Event) -> None:
        """Write an epoch; ignore other events. A full disk costs points of a curve, but never the training."""
        import tensorflow as tf

        if not isinstance(event, EpochEvent):
            return
        for prefix, writer in self._writers.items():
            with suppress(tf.errors.OpError), writer.as_default(step=event.epoch):
                for score in SCORES:
                    tf.summary.scalar(score, getattr(event, prefix + score))
                if not prefix:
                    tf.summary.scalar("learning_rate", event.learning_rate)
                writer.flush()
