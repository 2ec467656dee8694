"""What a training reports: how fast an epoch goes, as events, and the epochs as TensorBoard reads them."""

import time
from contextlib import suppress
from pathlib import Path

from tem_rf.runs.events import EpochEvent, Event, NoticeEvent, StepEvent
from tem_rf.training.batches import PrefetchedBatches
from tem_rf.training.objective import Scores
from tem_rf.training.state import Progress

STEP_EVENT_INTERVAL_S = 0.5
INPUT_WAIT_LIMIT = 0.05
SHORT_EPOCH_S = 10.0  # in a shorter one, the wait for the first batch is most of it


class EpochTimer:
    """Times one epoch, or what a restart left of it.

    Args:
        batches: Say how long the training waited for data.
        steps: Steps of a whole epoch.
    """

    def __init__(self, batches: PrefetchedBatches, steps: int) -> None:
        self._batches, self._steps = batches, steps
        self._started, self._reported_at, self._patches = time.perf_counter(), 0.0, 0

    def after_step(self, patches: int, progress: Progress) -> StepEvent | None:
        """Count the patches of a step; the report of it, unless there was one a moment ago."""
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
            progress: Progress with the epoch done.
            training: Scores of the training patches.
            validation: Scores of the validation patches.
            duration_s: Time the steps took, without the validation [s].
            epochs: Epochs asked for.
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
        """Time since the epoch began [s]."""
        return time.perf_counter() - self._started


def waits_for_data(event: EpochEvent) -> bool:
    """Whether an epoch of some length spent more than 5 % of its time waiting for data."""
    return event.input_wait > INPUT_WAIT_LIMIT and event.duration_s >= SHORT_EPOCH_S


def waiting_notice(event: EpochEvent) -> NoticeEvent:
    """What to tell of such an epoch."""
    return NoticeEvent(
        message=f"Epoch {event.epoch} waited for data {event.input_wait:.0%} of its time, more than "
        f"{INPUT_WAIT_LIMIT:.0%}: copy the dataset to a faster disk, or leave the training more processor cores."
    )


def _memory_mb() -> float:
    import psutil

    return psutil.Process().memory_info().rss / 1e6


SCORES = ("loss", "soft_dice", "hard_dice")


class TensorBoardLog:
    """Writes the scores of epochs; training and validation become two curves of one chart.

    Args:
        folder: The log folder; `tensorboard` shows it.
    """

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self._writers = {
            prefix: tf.summary.create_file_writer(str(folder / name))
            for name, prefix in (("training", ""), ("validation", "validation_"))
        }

    def show(self, event: Event) -> None:
        """Write an epoch; other events are left out. A full disk costs points of a curve, never the training."""
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
