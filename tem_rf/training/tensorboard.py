"""The epochs of a training as TensorBoard reads them."""

from contextlib import suppress
from pathlib import Path

from tem_rf.runs.events import EpochEvent, Event

SCORES = ("loss", "soft_dice", "hard_dice")


class TensorBoardLog:
    """Writes the scores of epochs; training and validation become two curves of one chart.

    Args:
        folder: The log folder; view it with `tensorboard --logdir`.
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
