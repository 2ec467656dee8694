"""Batches of training patches: every patch in its eight dihedral transforms, in an order set by the seed."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np

from tem_rf.data.dihedral import TRANSFORMS, dihedral
from tem_rf.data.distance_target import distance_target
from tem_rf.data.patch_augmentation import Augment
from tem_rf.data.prepared import UNSURE

_CLASS_BITS = 2  # of a label, below the number of the particle


@dataclass(frozen=True)
class Batch:
    """The patches of one optimizer step.

    Attributes:
        images: (n, h, w, 1) float32.
        labels: (n, h, w, 1) float32, 1 on particles, -1 where the label is not sure; for a network with a distance
            output (n, h, w, 2), with the target of the distance, below zero where it is not known.
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


def load_batch(
    images: np.ndarray,
    labels: np.ndarray,
    order: np.ndarray,
    augment: Augment | None = None,
    *,
    instances: np.ndarray | None = None,
) -> Batch:
    """Read and transform the patches of one batch.

    Args:
        images: (n, h, w) float32, memory-mapped: only what the batch needs is read.
        labels: (n, h, w) uint8.
        order: (m, 2) patch index and transform.
        augment: Changes each transformed image, and its label; None: no changes.
        instances: (n, h, w) uint16, numbers of the particles, for a network with a distance output.
    """

    def pair(patch: int, transform: int) -> tuple[np.ndarray, np.ndarray]:
        label = labels[patch]
        if instances is not None:  # one array of both, so that an augmentation moves them alike
            label = label | instances[patch].astype(np.uint32) << _CLASS_BITS
        image, label = dihedral(images[patch], transform), dihedral(label, transform)
        return augment(image, label, patch, transform) if augment else (image, label)

    pairs = [pair(int(patch), int(transform)) for patch, transform in order]
    wanted = np.stack([_wanted(label) if instances is None else _with_distance(label) for _, label in pairs])
    return Batch(np.stack([image for image, _ in pairs])[..., np.newaxis], wanted)


def _wanted(classes: np.ndarray) -> np.ndarray:
    """(h, w) classes -> (h, w, 1) float32, as in `Batch.labels`."""
    wanted = classes.astype(np.float32)
    wanted[classes == UNSURE] = -1
    return wanted[..., np.newaxis]


def _with_distance(label: np.ndarray) -> np.ndarray:
    """(h, w) classes and numbers in one -> (h, w, 2) float32, as in `Batch.labels`."""
    classes, numbers = label & ((1 << _CLASS_BITS) - 1), label >> _CLASS_BITS
    distance = distance_target(classes, numbers.astype(np.int32))
    return np.concatenate([_wanted(classes), distance[..., np.newaxis]], axis=-1)


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
        instances: np.ndarray | None = None,
        ahead: int = 2,
    ) -> None:
        self.waited_s = 0.0
        self._queue: queue.Queue[Batch | BaseException | None] = queue.Queue(maxsize=ahead)
        self._ended = threading.Event()
        load = partial(load_batch, images, labels, augment=augment, instances=instances)
        self._thread = threading.Thread(target=self._fill, args=(load, orders), daemon=True)

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

    def _fill(self, load: Callable[[np.ndarray], Batch], orders: list[np.ndarray]) -> None:
        try:
            for order in orders:
                if not self._put(load(order)):
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
