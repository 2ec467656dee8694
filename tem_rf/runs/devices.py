"""GPUs for training: those visible to an environment, one for each training, none for a driver."""

import os
from collections.abc import Mapping, Sequence

from tem_rf.runs.gpus import find_driver

CPU = "CPU"
"""Device name of a machine without a GPU."""


def take_gpus() -> tuple[str, ...]:
    """Names of the visible GPUs, as in CUDA_VISIBLE_DEVICES. They are hidden from this process from now on.

    TensorFlow reserves all memory of every visible GPU, so call this before the driver imports Keras.
    """
    visible = visible_gpus(os.environ)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    return installed_gpus() if visible is None else visible


def visible_gpus(environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """Names of the GPUs that an environment allows, as in CUDA_VISIBLE_DEVICES; None: all GPUs of the machine.

    >>> visible_gpus({"CUDA_VISIBLE_DEVICES": "1, 3"}), visible_gpus({"CUDA_VISIBLE_DEVICES": "-1"}), visible_gpus({})
    (('1', '3'), (), None)
    """
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return None
    return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1", "NoDevFiles"))


def installed_gpus() -> tuple[str, ...]:
    """UUIDs of the GPUs of this machine that work, in numerical order; none without the NVIDIA driver.

    Of a GPU that is divided (MIG), those of its parts.
    """
    driver = find_driver()
    return tuple(gpu.uuid for gpu in driver.gpus if not gpu.problem) if driver else ()


def gpu_uuid(name: str, installed: Sequence[str]) -> str:
    """The UUID of a GPU named as in CUDA_VISIBLE_DEVICES: by number, or by the first characters of its UUID.

    Args:
        name: The name; returned unchanged if it matches no installed GPU.
        installed: UUIDs of the GPUs of this machine.

    >>> gpu_uuid("1", ["GPU-a", "GPU-b"]), gpu_uuid("GPU-b", ["GPU-a", "GPU-bc"]), gpu_uuid("7", [])
    ('GPU-b', 'GPU-bc', '7')
    """
    if name.isdigit():
        return installed[int(name)] if int(name) < len(installed) else name
    return next((uuid for uuid in installed if uuid.startswith(name)), name)


def device_name() -> str:
    """The device of this process, as far as its environment shows."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "" if visible is None else f"GPU {visible}" if visible else CPU
