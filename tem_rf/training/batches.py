"""Batches of training patches: every patch in its eight dihedral transforms, in an order set by the seed."""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from tem_rf.data.dihedral import TRANSFORMS, dihedral
from tem_rf.data.patch_augmentation import Augment
from tem_rf.data.prepared import UNSURE


@dataclass(frozen=True)
class Batch:
    """The patches of one optimizer step.

    Attributes:
        images: (n, h, w, 1) float32.
        labels: (n, h, w, 1) float32, 1 on particles, -1 where the label is not sure.
    """

    images: np.ndarray
    labels: np.ndarray


def epoch_order(patches: np.ndarray, *, seed: int, epoch: int) -> np.ndarray:
    """Order of the patches in one epoch.

    Args:
        patches: (n,) indices of the training patches.
        seed: Seed of the run.
        epoch: Number of the epoch; with the seed it determines the order, so a restart repeats it.

    Returns:
        (8 n, 2) integers: patch index, number of the dihedral transform.
    """
    pairs = np.stack(np.meshgrid(patches, np.arange(TRANSFORMS), indexing="ij"), axis=-1).reshape(-1, 2)
    return np.random.default_rng((seed, epoch)).permutation(pairs)


def in_order(patches: np.ndarray) -> np.ndarray:
    """Each patch once and untransformed, for scoring: (n, 2) patch index, 0."""
    return np.stack([patches, np.zeros_like(patches)], axis=-1)


def split_into_batches(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Cut an order into batches; the last one may be smaller."""
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def load_batch(images: np.ndarray, labels: np.ndarray, order: np.ndarray, augment: Augment | None = None) -> Batch:
    """Read and transform the patches of one batch.

    Args:
        images: (n, h, w) float32, memory-mapped: only what the batch needs is read.
        labels: (n, h, w) uint8.
        order: (m, 2) patch index and transform.
        augment: Changes each transformed image, and its label; None: no changes.
    """

    def pair(patch: int, transform: int) -> tuple[np.ndarray, np.ndarray]:
        image, label = dihedral(images[patch], transform), dihedral(labels[patch], transform)
        return augment(image, label, patch, transform) if augment else (image, label)

    pairs = [pair(int(patch), int(transform)) for patch, transform in order]
    classes = np.stack([label for _, label in pairs])[..., np.newaxis]
    wanted = classes.astype(np.float32)
    wanted[classes == UNSURE] = -1
    return Batch(np.stack([image for image, _ in pairs])[..., np.newaxis], wanted)


class PrefetchedBatches:
    """Iterates over batches that a thread prepares while the current step is computed.

    Attributes:
        waited_s: Time the consumer spent waiting for data so far [s].
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        orders: list[np.ndarray],
        *,
        augment: Augment | None = None,
        ahead: int = 2,
    ) -> None:
        self.waited_s = 0.0
        self._queue: queue.Queue[Batch | BaseException | None] = queue.Queue(maxsize=ahead)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(images, labels, orders, augment), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        while not self._queue.empty():  # lets a producer that is waiting for space notice the end
            self._queue.get_nowait()
        self._thread.join()

    def __iter__(self) -> Iterator[Batch]:
        while True:
            start = time.perf_counter()
            item = self._queue.get()
            self.waited_s += time.perf_counter() - start
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def _fill(self, images: np.ndarray, labels: np.ndarray, orders: list[np.ndarray], augment: Augment | None) -> None:
        try:
            for order in orders:
                if not self._put(load_batch(images, labels, order, augment)):
                    return
            self._put(None)
        except BaseException as error:  # passed to the consumer, which raises it
            self._put(error)

    def _put(self, item: Batch | BaseException | None) -> bool:
        while not self._ended.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False
