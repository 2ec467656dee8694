"""GPUs that trainings can use: which ones an environment shows, one for each training, none for a driver."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

CPU = "CPU"
"""The device of a machine without a GPU."""


def take_gpus() -> tuple[str, ...]:
    """Names of the GPUs that this process could see, as CUDA_VISIBLE_DEVICES takes them; it sees none from now on.

    TensorFlow takes all memory of every GPU that it sees, so this comes before the driver imports Keras.
    """
    visible = visible_gpus(os.environ)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    return installed_gpus() if visible is None else visible


def visible_gpus(environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """Names of the GPUs that an environment allows, as CUDA_VISIBLE_DEVICES takes them; None: all of the machine.

    >>> visible_gpus({"CUDA_VISIBLE_DEVICES": "1, 3"}), visible_gpus({"CUDA_VISIBLE_DEVICES": "-1"}), visible_gpus({})
    (('1', '3'), (), None)
    """
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return None
    return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1", "NoDevFiles"))


def installed_gpus() -> tuple[str, ...]:
    """UUIDs of the GPUs of this machine, in the order of their numbers; none without NVIDIA's driver."""
    if shutil.which("nvidia-smi") is None:
        return ()
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return tuple(listed.stdout.split()) if listed.returncode == 0 else ()


def gpu_uuid(name: str, installed: Sequence[str]) -> str:
    """The UUID behind a name that CUDA_VISIBLE_DEVICES takes: a number, or the beginning of a UUID.

    Args:
        name: The name; one that means no installed GPU is returned as it is.
        installed: UUIDs of the GPUs of this machine.

    >>> gpu_uuid("1", ["GPU-a", "GPU-b"]), gpu_uuid("GPU-b", ["GPU-a", "GPU-bc"]), gpu_uuid("7", [])
    ('GPU-b', 'GPU-bc', '7')
    """
    if name.isdigit():
        return installed[int(name)] if int(name) < len(installed) else name
    return next((uuid for uuid in installed if uuid.startswith(name)), name)


def device_name() -> str:
    """The device of this process, as far as its environment says."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "" if visible is None else f"GPU {visible}" if visible else CPU
