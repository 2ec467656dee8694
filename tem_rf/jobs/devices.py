"""Assign devices to queued trainings: one GPU each, or the CPU on a machine without GPUs."""

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from tem_rf.runs.devices import CPU, gpu_uuid, visible_gpus

PREFIXES = ("CUDA_", "JAX_", "KERAS_", "OMP_", "TEM_RF_", "TF_", "XLA_")
"""Variables that determine how and where a training computes; a queued run keeps those it was added with."""

T = TypeVar("T")


def computing_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables of an environment that determine how and where a training computes."""
    return {name: value for name, value in environment.items() if name.startswith(PREFIXES)}


def usable_devices(environment: Mapping[str, str], installed: Sequence[str]) -> dict[str, str]:
    """Return the devices that a training may use, each with its name for CUDA_VISIBLE_DEVICES.

    Args:
        environment: Variables of the training.
        installed: UUIDs of the GPUs of this machine.

    >>> usable_devices({"CUDA_VISIBLE_DEVICES": "1"}, ["GPU-a", "GPU-b"]), usable_devices({}, [])
    ({'GPU-b': '1'}, {'CPU': ''})
    """
    names = visible_gpus(environment)
    gpus = {gpu_uuid(name, installed): name for name in (installed if names is None else names)}
    return gpus or {CPU: ""}


def used_devices(environment: Mapping[str, str], installed: Sequence[str]) -> tuple[str, ...]:
    """Return the devices that a training outside the queue uses: the first visible one, or all of them on JAX."""
    usable = tuple(usable_devices(environment, installed))
    return usable if _shares_batches(environment) else usable[:1]


def assign_devices(
    waiting: Sequence[tuple[T, Mapping[str, str]]], busy: Collection[str], installed: Sequence[str]
) -> list[tuple[T, tuple[str, ...]]]:
    """Choose the trainings that can start now, in order; none waits for a device that it cannot use.

    Args:
        waiting: Trainings in queue order, each with its variables.
        busy: Devices in use.
        installed: UUIDs of the GPUs of this machine.

    Returns:
        Trainings that can start, each with its devices; on JAX those are all that it may use.

    >>> any_gpu, second = {}, {"CUDA_VISIBLE_DEVICES": "1"}
    >>> assign_devices([("a", any_gpu), ("b", any_gpu), ("c", second)], {"GPU-a"}, ["GPU-a", "GPU-b"])
    [('a', ('GPU-b',))]
    >>> assign_devices([("a", {"CUDA_VISIBLE_DEVICES": "0"}), ("b", second)], {"GPU-a"}, ["GPU-a", "GPU-b"])
    [('b', ('GPU-b',))]
    """
    taken = set(busy)  # in use, or reserved for an earlier training in the queue
    starting = []
    for training, environment in waiting:
        usable = tuple(usable_devices(environment, installed))
        free = tuple(device for device in usable if device not in taken)
        if free and (not _shares_batches(environment) or free == usable):
            devices = free if _shares_batches(environment) else free[:1]
            starting.append((training, devices))
            taken.update(devices)
        else:
            taken.update(usable)
    return starting


def _shares_batches(environment: Mapping[str, str]) -> bool:
    """Whether all GPUs share each batch, as they do on Keras' JAX backend."""
    return environment.get("KERAS_BACKEND") == "jax"
