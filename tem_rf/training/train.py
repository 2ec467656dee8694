"""Train one run, from the start or from its newest checkpoint."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np

from tem_rf.data.patch_augmentation import Augment, build_augment
from tem_rf.errors import TrainingError
from tem_rf.files import write_json
from tem_rf.models.unet import build_unet
from tem_rf.runs.dataset import notes_on_data, notes_on_start, open_training_data
from tem_rf.runs.environment import environment
from tem_rf.runs.events import EventSink, Listener, NoticeEvent, State, StatusEvent
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.interruption import Interruption, interruptible, write_when_there_is_room
from tem_rf.runs.network import load_start
from tem_rf.runs.process import claim
from tem_rf.training.batches import PrefetchedBatches, epoch_order, in_order, split_into_batches
from tem_rf.training.freezing import freeze_layers
from tem_rf.training.objective import Scores, objective
from tem_rf.training.optimizer import averaged_weights, build_optimizer
from tem_rf.training.reporting import (
    EpochTimer,
    TensorBoardLog,
    learned_nothing_notice,
    short_averaging_notice,
    waiting_notice,
    waits_for_data,
)
from tem_rf.training.samples import SamplePictures
from tem_rf.training.state import Progress, load_checkpoint, save_checkpoint, save_model
from tem_rf.training.steppers.base import build_stepper, make_repeatable
from tem_rf.training.steppers.microbatch import MicrobatchStepper

CHECKPOINT_INTERVAL_S = 60.0


@dataclass(frozen=True)
class Outcome:
    """Result of a call of `train`.

    Attributes:
        state: `finished`, or `stopped` on request.
        progress: Progress of the training.
        signal_number: The signal that stopped it, if any.
    """

    state: State
    progress: Progress
    signal_number: int | None = None


def train(
    run: RunFolder, *, listener: Listener | None = None, checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S
) -> Outcome:
    """Train a run to its last epoch, or until it is asked to stop. Resume from its newest checkpoint.

    Every epoch is reported in `events.jsonl`, and `model.keras` holds the best network so far. On one CPU the final
    weights are bit-identical, however often the training was interrupted. If the disk is full, the training pauses.

    Args:
        run: The run folder.
        listener: Called with every event.
        checkpoint_interval_s: Time between checkpoints within an epoch [s], in addition to the one after every epoch.

    Raises:
        RunError: Another process is training this run.
        DatasetError: The dataset is missing, is a different one, or does not fit the architecture.
        TrainingError: The loss became NaN.
        StorageError: The run folder is not writable, or the disk is full and the training was asked to stop.
    """
    with claim(run), interruptible(run) as interruption:
        listeners = [listener] if listener else []
        if run.tensorboard_folder.exists():
            listeners.append(TensorBoardLog(run.tensorboard_folder).show)
        events = EventSink(run.event_log(), *listeners)
        events.emit(StatusEvent(state="starting"))
        precision = keras.config.dtype_policy()
        try:
            training = _Training(run, events, interruption, checkpoint_interval_s)
            events.emit(StatusEvent(state="running"))
            while not (state := training.go_on()):
                training = _Training(run, events, interruption, checkpoint_interval_s)
        except BaseException as error:
            events.emit(StatusEvent(state="failed", detail=str(error) or type(error).__name__))
            raise
        finally:
            keras.config.set_dtype_policy(precision)  # models built later, for scoring the run, use float32 again
        events.emit(StatusEvent(state=state))
        return Outcome(state, training.progress, interruption.signal_number)


class _Training:
    """One training in this process."""

    def __init__(
        self, run: RunFolder, events: EventSink, interruption: Interruption, checkpoint_interval_s: float
    ) -> None:
        self.run, self.events, self.interruption = run, events, interruption
        self.checkpoint_interval_s = checkpoint_interval_s
        self.config = run.config
        self.settings = self.config.training
        self.dataset = open_training_data(self.config)
        make_repeatable(self.config.seed)
        write_json(run.environment_file, environment())
        keras.config.set_dtype_policy(self.settings.precision)
        self.model = build_unet(self.config.architecture, seed=self.config.seed)
        freeze_layers(self.model, self.settings)
        steps_per_epoch = len(self._batches_of_epoch(1))
        self.optimizer = build_optimizer(self.settings, self.model, steps_per_epoch, restarts=self.config.restarts)
        self.variables = [*self.model.variables, *self.optimizer.variables]
        self.progress = self._load_checkpoint()
        has_distance = self.config.architecture.has_distance
        minimized = objective(self.settings.loss, ignores_unsure=self.dataset.has_unsure, has_distance=has_distance)
        self.instances = self.dataset.instances if has_distance else None
        stepper = build_stepper(self.model, self.optimizer, self.config.architecture, minimized)
        self.stepper = MicrobatchStepper(stepper, self.progress.patches_at_once, self._on_split)
        self.samples = SamplePictures(self.run, self.model, self.dataset)
        self.saved_at = time.monotonic()
        self.told: set[str] = set()

    def go_on(self) -> State | None:
        """Train epoch by epoch until the end or a request; None if the learning rate schedule was changed meanwhile."""
        momentum, steps = self.settings.weight_averaging, self._epochs() * len(self._batches_of_epoch(1))
        if momentum and (notice := short_averaging_notice(momentum, steps)):
            self._tell_once("averaging", notice)
        while self.progress.epoch < self._epochs() and not self._is_out_of_patience():
            if self.run.config.restarts != self.config.restarts:
                return None
            seed, epoch = self.config.seed, self.progress.epoch + 1
            orders = self._batches_of_epoch(epoch)
            augment = build_augment(self.dataset, self.config.augmentation, seed=seed, epoch=epoch)
            left = orders[self.progress.step :]
            with self._prefetched(left, augment) as batches:
                timer = EpochTimer(batches, steps=len(orders))
                if not self._train_epoch(batches, timer):
                    self._save_checkpoint()
                    return "stopped"
            self._end_epoch(timer)
        return "finished"

    def _train_epoch(self, batches: PrefetchedBatches, timer: EpochTimer) -> bool:
        """Train the rest of an epoch; False if a stop was requested before its end."""
        for batch in batches:
            if not self._may_go_on():
                return False
            sums = self.stepper.train(batch.images, batch.labels)
            self.progress = self.progress.after_step(self.progress.scores.plus(len(batch.images), sums))
            if not math.isfinite(self.progress.scores.loss):
                raise self._diverged(f"the loss became {self.progress.scores.loss}")
            if event := timer.after_step(len(batch.images), self.progress):
                self.events.emit(event)
            if time.monotonic() - self.saved_at > self.checkpoint_interval_s:
                self._save_checkpoint()
        return True

    def _end_epoch(self, timer: EpochTimer) -> None:
        duration_s, training_scores = timer.duration_s, self.progress.scores
        self._write_back()
        with averaged_weights(self.model, self.optimizer):
            self.stepper.reload_variables()
            validation = self._validate()
            if not math.isfinite(validation.loss):
                raise self._diverged(f"the validation loss became {validation.loss}")
            self.progress = self.progress.after_epoch(validation.hard_dice, self.settings.keep)
            if self.progress.best_epoch == self.progress.epoch:
                # Before the checkpoint: a restart from the previous checkpoint writes this model again.
                self._write(partial(save_model, self.run, self.model))
            sample = self.samples.after_epoch(
                self.progress.epoch, is_last=self.progress.epoch >= self._epochs() or self._is_out_of_patience()
            )
        self.stepper.reload_variables()
        event = timer.after_epoch(
            self.progress,
            training_scores,
            validation,
            duration_s=duration_s,
            epochs=self._epochs(),
            rate=float(self.optimizer.learning_rate),
        )
        self.events.emit(event)
        if sample:
            self.events.emit(sample)
        if waits_for_data(event):
            self._tell_once("waiting", waiting_notice(event))
        if sample and (marked := self.samples.marked_alike) and self.progress.epoch > 1:
            self._tell_once("learned nothing", learned_nothing_notice(event, marked))
        self._save_checkpoint()

    def _tell_once(self, subject: str, notice: NoticeEvent) -> None:
        if subject not in self.told:
            self.told.add(subject)
            self.events.emit(notice)

    def _batches_of_epoch(self, epoch: int) -> list[np.ndarray]:
        order = epoch_order(self.dataset.indices("train"), seed=self.config.seed, epoch=epoch)
        return split_into_batches(order, self.settings.batch_size)

    def _prefetched(self, orders: list[np.ndarray], augment: Augment | None = None) -> PrefetchedBatches:
        data = self.dataset
        return PrefetchedBatches(data.images, data.labels, orders, augment=augment, instances=self.instances)

    def _validate(self) -> Scores:
        orders = split_into_batches(in_order(self.dataset.indices(self.dataset.monitored)), self.settings.batch_size)
        scores = Scores()
        with self._prefetched(orders) as batches:
            for batch in batches:
                scores = scores.plus(len(batch.images), self.stepper.evaluate(batch.images, batch.labels))
        return scores

    def _may_go_on(self) -> bool:
        def on_pause() -> None:
            self._save_checkpoint()
            self.events.emit(StatusEvent(state="paused"))

        if self.interruption.wait_while_paused(on_pause):
            self.events.emit(StatusEvent(state="running"))
        return not self.interruption.asks_to_stop()

    def _epochs(self) -> int:
        """Epochs requested; the number can increase during the training."""
        return self.run.config.training.epochs

    def _is_out_of_patience(self) -> bool:
        patience = self.settings.early_stopping_patience
        return patience is not None and self.progress.epoch - self.progress.best_epoch >= patience

    def _load_checkpoint(self) -> Progress:
        def on_damaged(path: Path) -> None:
            self.events.emit(NoticeEvent(message=f"{path}: cannot be read; resuming from the previous checkpoint."))

        found = load_checkpoint(self.run.checkpoint_folder, self.variables, on_damaged=on_damaged)
        if found is None:
            if self.config.start is not None:
                self.model.set_weights(load_start(self.run).get_weights())
            for note in (*notes_on_start(self.config), *notes_on_data(self.config, self.dataset)):
                self.events.emit(NoticeEvent(message=note))
        return found or Progress()

    def _on_split(self, patches_at_once: int, too_many: int) -> None:
        """Record it in the next checkpoint, so that a restart splits batches in the same way, and write that one soon.

        Not immediately: during validation, the model may hold its averaged weights.
        """
        self.progress = replace(self.progress, patches_at_once=patches_at_once)
        self.events.emit(
            NoticeEvent(
                message=f"Out of memory with {too_many} patches at once: each batch is now computed {patches_at_once} "
                "at a time, and the gradients are summed. Batch normalization uses the statistics of those "
                f"{patches_at_once}, so the result differs from that of complete batches."
            )
        )
        self.saved_at = -math.inf

    def _save_checkpoint(self) -> None:
        self._write_back()
        self._write(partial(save_checkpoint, self.run.checkpoint_folder, self.variables, self.progress))
        self.saved_at = time.monotonic()

    def _write_back(self) -> None:
        """Update the variables. Values that are not finite must reach neither model nor checkpoint."""
        self.stepper.write_back()
        if not all(np.all(np.isfinite(np.asarray(variable))) for variable in self.variables):
            raise self._diverged("a weight became infinite or NaN")

    def _write(self, write: Callable[[], None]) -> None:
        write_when_there_is_room(write, self.events, self.interruption)

    def _diverged(self, what: str) -> TrainingError:
        return TrainingError(
            f"{self.run.name}: {what} at step {self.progress.step} of epoch {self.progress.epoch + 1}; "
            "the previous checkpoint is kept. Train again with a smaller `learning_rate` "
            f"(it was {self.settings.learning_rate:g})."
        )
