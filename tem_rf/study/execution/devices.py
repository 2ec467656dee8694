"""GPUs for the workers: one each, and none for the driver."""

import os
import shutil
import subprocess


def take_gpus() -> tuple[str, ...]:
    """Names of the GPUs that this process could see, as CUDA_VISIBLE_DEVICES takes them; it sees none from now on.

    TensorFlow takes all memory of every GPU that it sees, so this comes before the driver imports Keras.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if visible is None:
        return _installed_gpus()
    return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1", "NoDevFiles"))


def device_name() -> str:
    """The device of this process, as far as its environment says."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "" if visible is None else f"GPU {visible}" if visible else "CPU"


def _installed_gpus() -> tuple[str, ...]:
    if shutil.which("nvidia-smi") is None:
        return ()
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return tuple(listed.stdout.split()) if listed.returncode == 0 else ()
