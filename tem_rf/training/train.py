"""Train one run, from its beginning or from where it stopped."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from tem_rf.errors import TrainingError
from tem_rf.files import replacing_file, write_json
from tem_rf.models.unet import build_unet
from tem_rf.runs.events import EpochEvent, Event, State, StatusEvent, StepEvent
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.process import claim
from tem_rf.training.batches import PrefetchedBatches, epoch_order, in_order, split_into_batches
from tem_rf.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from tem_rf.training.environment import environment
from tem_rf.training.inputs import open_training_data
from tem_rf.training.interruption import Interruption, interruptible
from tem_rf.training.objective import Scores
from tem_rf.training.step import build_stepper, make_repeatable

CHECKPOINT_INTERVAL_S = 60.0
STEP_EVENT_INTERVAL_S = 0.5

Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Outcome:
    """How a call of `train` ended.

    Attributes:
        state: `finished`, or `stopped` when somebody asked for it.
        progress: How far the training has come.
        signal_number: The signal that asked it to stop, if one did.
    """

    state: State
    progress: Progress
    signal_number: int | None = None


def train(run: RunFolder, *, listener: Listener | None = None) -> Outcome:
    """Train a run to its last epoch, or until it is asked to stop; go on from its newest checkpoint.

    Every epoch is reported in `events.jsonl`, the best network so far is in `model.keras`. On one CPU the weights
    at the end are the same bits, however often the training was interrupted.

    Args:
        run: The run folder.
        listener: Called with every event, after it is written.

    Raises:
        RunError: Another process trains this run.
        DatasetError: The dataset is gone, is another one, or does not fit the architecture.
        TrainingError: The loss became NaN.
        StorageError: The disk is full.
    """
    with claim(run), interruptible(run) as interruption:
        log = run.event_log()

        def emit(event: Event) -> None:
            log.write(event)
            if listener:
                listener(event)

        emit(StatusEvent(state="starting"))
        try:
            training = _Training(run, emit, interruption)
            emit(StatusEvent(state="running"))
            state = training.go_on()
        except BaseException as error:
            emit(StatusEvent(state="failed", detail=str(error) or type(error).__name__))
            raise
        emit(StatusEvent(state=state))
        return Outcome(state, training.progress, interruption.signal_number)


class _Training:
    """One training in this process."""

    def __init__(self, run: RunFolder, emit: Listener, interruption: Interruption) -> None:
        self.run, self.emit, self.interruption = run, emit, interruption
        self.config = run.config
        self.settings = self.config.training
        self.dataset = open_training_data(self.config)
        make_repeatable(self.config.seed)
        write_json(run.environment_file, environment())
        keras.config.set_dtype_policy(self.settings.precision)
        self.model = build_unet(self.config.architecture, seed=self.config.seed)
        optimizer = keras.optimizers.Adam(self.settings.learning_rate)
        optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.variables, *optimizer.variables]
        self.progress = load_checkpoint(run.checkpoint_folder, self.variables) or Progress()
        self.stepper = build_stepper(self.model, optimizer)
        self.saved_at = time.monotonic()

    def go_on(self) -> State:
        """Train epoch by epoch until the end or a request."""
        while self.progress.epoch < self.settings.epochs and not self._is_out_of_patience():
            started, first_step = time.perf_counter(), self.progress.step
            order = epoch_order(self.dataset.indices("train"), seed=self.config.seed, epoch=self.progress.epoch + 1)
            orders = split_into_batches(order, self.settings.batch_size)
            with PrefetchedBatches(self.dataset.images, self.dataset.labels, orders[first_step:]) as batches:
                if not self._train_epoch(batches, steps=len(orders)):
                    self._save_checkpoint()
                    return "stopped"
            patches = sum(map(len, orders[first_step:]))
            self._end_epoch(patches, time.perf_counter() - started, batches.waited_s)
        return "finished"

    def _train_epoch(self, batches: PrefetchedBatches, *, steps: int) -> bool:
        """Train what is left of an epoch; False where somebody asked to stop before its end."""
        started, patches, reported_at = time.perf_counter(), 0, 0.0
        for batch in batches:
            if not self._may_go_on():
                return False
            sums = self.stepper.train(batch.images, batch.labels)
            self.progress = self.progress.after_step(self.progress.scores.plus(len(batch.images), sums))
            patches += len(batch.images)
            if not math.isfinite(self.progress.scores.loss):
                raise self._diverged()
            now = time.perf_counter()
            if now - reported_at > STEP_EVENT_INTERVAL_S:
                reported_at = now
                self.emit(
                    StepEvent(
                        epoch=self.progress.epoch + 1,
                        step=self.progress.step,
                        steps=steps,
                        loss=self.progress.scores.loss,
                        patches_per_s=patches / (now - started),
                        input_wait=batches.waited_s / (now - started),
                    )
                )
            if time.monotonic() - self.saved_at > CHECKPOINT_INTERVAL_S:
                self._save_checkpoint()
        return True

    def _end_epoch(self, patches: int, duration_s: float, waited_s: float) -> None:
        training_scores = self.progress.scores
        validation = self._validate()
        self.progress = self.progress.after_epoch(validation.hard_dice)
        is_best = self.progress.best_epoch == self.progress.epoch
        self.stepper.write_back()
        if is_best:
            # Before the checkpoint: a restart from the checkpoint before writes this model again.
            save_model(self.run, self.model)
        self.emit(
            EpochEvent(
                epoch=self.progress.epoch,
                epochs=self.settings.epochs,
                loss=training_scores.loss,
                soft_dice=training_scores.soft_dice,
                hard_dice=training_scores.hard_dice,
                validation_loss=validation.loss,
                validation_soft_dice=validation.soft_dice,
                validation_hard_dice=validation.hard_dice,
                is_best=is_best,
                learning_rate=self.settings.learning_rate,
                patches_per_s=patches / duration_s,
                duration_s=duration_s,
                input_wait=waited_s / duration_s,
                memory_mb=_memory_mb(),
            )
        )
        self._save_checkpoint()

    def _validate(self) -> Scores:
        orders = split_into_batches(in_order(self.dataset.indices("validation")), self.settings.batch_size)
        scores = Scores()
        with PrefetchedBatches(self.dataset.images, self.dataset.labels, orders) as batches:
            for batch in batches:
                scores = scores.plus(len(batch.images), self.stepper.evaluate(batch.images, batch.labels))
        return scores

    def _may_go_on(self) -> bool:
        def on_pause() -> None:
            self._save_checkpoint()
            self.emit(StatusEvent(state="paused"))

        if self.interruption.wait_while_paused(on_pause):
            self.emit(StatusEvent(state="running"))
        return not self.interruption.asks_to_stop()

    def _is_out_of_patience(self) -> bool:
        patience = self.settings.early_stopping_patience
        return patience is not None and self.progress.epoch - self.progress.best_epoch >= patience

    def _save_checkpoint(self) -> None:
        self.stepper.write_back()
        save_checkpoint(self.run.checkpoint_folder, self.variables, self.progress)
        self.saved_at = time.monotonic()

    def _diverged(self) -> TrainingError:
        return TrainingError(
            f"{self.run.name}: the loss became {self.progress.scores.loss} at step {self.progress.step} of epoch "
            f"{self.progress.epoch + 1}; the checkpoint before stands. Train again with a smaller --learning-rate "
            f"(it was {self.settings.learning_rate:g})."
        )


def save_model(run: RunFolder, model: keras.Model) -> None:
    """Write `model.keras`, made of Keras' own layers only, so that it opens without tem-rf."""
    portable = build_unet(run.config.architecture, portable=True)
    portable.set_weights([np.asarray(weight) for weight in model.weights])
    with replacing_file(run.model_file) as beside:
        portable.save(beside)


def _memory_mb() -> float:
    import psutil

    return psutil.Process().memory_info().rss / 1e6
