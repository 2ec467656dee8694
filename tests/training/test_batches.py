"""An epoch is every patch in its eight transforms, in an order that the seed and the epoch decide."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf.config.augmentation import augmentation_settings
from tem_rf.data.dihedral import dihedral
from tem_rf.data.patch_augmentation import build_augment
from tem_rf.data.prepared import open_dataset
from tem_rf.training.batches import PrefetchedBatches, epoch_order, in_order, load_batch, split_into_batches

PATCHES = np.array([3, 5, 8])
IMAGES = np.random.default_rng(0).normal(size=(9, 4, 4)).astype(np.float32)
LABELS = (IMAGES > 0).astype(np.uint8)


def test_an_epoch_holds_every_patch_in_its_eight_transforms_once() -> None:
    order = epoch_order(PATCHES, seed=752, epoch=1)
    assert sorted(map(tuple, order)) == [(patch, transform) for patch in PATCHES for transform in range(8)]


def test_the_order_repeats_with_seed_and_epoch_and_changes_with_either() -> None:
    first = epoch_order(PATCHES, seed=752, epoch=1)
    np.testing.assert_array_equal(first, epoch_order(PATCHES, seed=752, epoch=1))
    assert not np.array_equal(first, epoch_order(PATCHES, seed=752, epoch=2))
    assert not np.array_equal(first, epoch_order(PATCHES, seed=140, epoch=1))


def test_images_and_labels_are_transformed_alike() -> None:
    batch = load_batch(IMAGES, LABELS, np.array([[5, 6], [3, 0]]))
    assert batch.images.shape == batch.labels.shape == (2, 4, 4, 1)
    np.testing.assert_array_equal(batch.images[0, ..., 0], dihedral(IMAGES[5], 6))
    np.testing.assert_array_equal(batch.labels, (batch.images > 0).astype(np.float32))
    np.testing.assert_array_equal(batch.images[1, ..., 0], IMAGES[3])


def test_the_last_batch_may_be_smaller() -> None:
    assert [len(batch) for batch in split_into_batches(in_order(np.arange(10)), 4)] == [4, 4, 2]


def test_prefetched_batches_come_in_order() -> None:
    orders = split_into_batches(epoch_order(PATCHES, seed=1, epoch=1), 5)
    with PrefetchedBatches(IMAGES, LABELS, orders) as batches:
        for batch, order in zip(batches, orders, strict=True):
            np.testing.assert_array_equal(batch.images, load_batch(IMAGES, LABELS, order).images)


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()
    with PrefetchedBatches(IMAGES, LABELS, [in_order(PATCHES)] * 50) as batches:
        next(iter(batches))
    assert threading.active_count() == before


def test_an_error_in_the_thread_reaches_the_consumer() -> None:
    with PrefetchedBatches(IMAGES, LABELS, [np.array([[99, 0]])]) as batches, pytest.raises(IndexError):
        next(iter(batches))


def test_images_and_labels_are_augmented_after_their_transform() -> None:
    order = np.array([[5, 6], [3, 0]])

    def augment(image: np.ndarray, label: np.ndarray, patch: int, transform: int) -> tuple[np.ndarray, np.ndarray]:
        return image + 100 * patch + transform, 1 - label

    batch, plain = load_batch(IMAGES, LABELS, order, augment), load_batch(IMAGES, LABELS, order)
    shift = np.array([506, 300])[:, np.newaxis, np.newaxis, np.newaxis]
    np.testing.assert_allclose(batch.images, plain.images + shift, rtol=1e-6)
    np.testing.assert_array_equal(batch.labels, 1 - plain.labels)


def test_augmentation_repeats_with_seed_epoch_patch_and_transform(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset)
    image, label = np.asarray(dataset.images[0]), np.asarray(dataset.labels[0])

    def augmented(seed: int = 1, epoch: int = 1, patch: int = 0, transform: int = 0, **settings: Any) -> np.ndarray:
        augment = build_augment(
            dataset, augmentation_settings(**(settings or {"noise_sd": 0.5})), seed=seed, epoch=epoch
        )
        return augment(image, label, patch, transform)[0]

    np.testing.assert_array_equal(augmented(), augmented())
    assert not np.array_equal(augmented(), image)
    for change in ({"seed": 2}, {"epoch": 2}, {"patch": 1}, {"transform": 1}):
        assert not np.array_equal(augmented(), augmented(**change))


def test_no_augmentation_is_none(tiny_dataset: Path) -> None:
    assert build_augment(open_dataset(tiny_dataset), augmentation_settings(), seed=1, epoch=1) is None
