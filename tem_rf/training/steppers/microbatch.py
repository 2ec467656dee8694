"""Steps that fit into memory: a batch that is too large is computed in microbatches."""

from collections.abc import Callable

import numpy as np

from tem_rf.errors import TrainingError
from tem_rf.models.backend import is_out_of_memory
from tem_rf.training.steppers.base import Stepper


class MicrobatchStepper:
    """Takes steps, with fewer patches at once whenever the memory is not sufficient.

    Args:
        stepper: Takes the steps.
        patches_at_once: Patches that fit, as far as known; None: complete batches.
        on_split: Called with the number of patches computed at once from now on, and the number that was too large.
    """

    def __init__(self, stepper: Stepper, patches_at_once: int | None, on_split: Callable[[int, int], None]) -> None:
        self._stepper, self._patches_at_once, self._on_split = stepper, patches_at_once, on_split

    def train(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Take one optimizer step; returns `batch_sums` of the batch before the step.

        Raises:
            TrainingError: Not even one patch fits into memory.
        """
        return self._in_microbatches(self._stepper.train, images, labels)

    def evaluate(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Returns `batch_sums` in inference mode.

        Raises:
            TrainingError: Not even one patch fits into memory.
        """
        return self._in_microbatches(self._stepper.evaluate, images, labels)

    def write_back(self) -> None:
        """Update the model's and the optimizer's variables."""
        self._stepper.write_back()

    def reload_variables(self) -> None:
        """Continue with the current values of the model's and the optimizer's variables."""
        self._stepper.reload_variables()

    def _in_microbatches(self, step: Callable[..., np.ndarray], images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        while True:
            at_once = min(self._patches_at_once or len(images), len(images))
            try:
                return step(images, labels, patches_at_once=at_once)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if at_once == 1:
                    raise TrainingError(
                        f"not even one patch of {images.shape[1]} x {images.shape[2]} px fits into memory; close other "
                        "programs, prepare with a smaller `patch_size`, or choose a network with fewer filters."
                    ) from error
            self._patches_at_once = (at_once + 1) // 2
            self._on_split(self._patches_at_once, at_once)
