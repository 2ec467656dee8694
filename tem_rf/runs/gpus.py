"""What the NVIDIA driver knows of the GPUs of this machine. Run as a module, it prints that as JSON.

Another process asks the driver, with a time limit, because calls to a sick GPU may never return.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 20.0
DEVICE_FILES = ("/dev/nvidiactl", "/dev/dxg")  # of Linux, and of Linux in Windows (WSL2)


@dataclass(frozen=True)
class Gpu:
    """A GPU, or a part of one (MIG), as the driver describes it.

    Attributes:
        uuid: Its name for CUDA_VISIBLE_DEVICES; its PCI number if the driver cannot reach it.
        name: Model.
        memory_mb: Memory [MB].
        compute_capability: Of the form `9.0`; empty if unknown.
        problem: Why it cannot be used; empty if it can.
        remedy: Command that fixes the problem; empty if only a restart can.
    """

    uuid: str
    name: str = ""
    memory_mb: int = 0
    compute_capability: str = ""
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver and its GPUs.

    Attributes:
        version: Version of the driver; empty without one.
        cuda: Newest CUDA version that it supports, of the form `12.4`.
        problem: Why it cannot be used; empty if it can.
        gpus: The GPUs in numerical order; of a GPU that is divided (MIG), its parts.
    """

    version: str = ""
    cuda: str = ""
    problem: str = ""
    gpus: tuple[Gpu, ...] = ()


def find_driver(timeout_s: float = TIMEOUT_S) -> Driver | None:
    """Ask the driver in a process of its own; None on a machine without an NVIDIA driver."""
    if not (shutil.which("nvidia-smi") or any(Path(file).exists() for file in DEVICE_FILES)):
        return None
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "tem_rf.runs.gpus"], capture_output=True, text=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        return Driver(problem=f"the driver does not answer within {timeout_s:g} s")
    try:
        content = json.loads(asked.stdout)
    except ValueError:
        reason = (asked.stderr.strip().splitlines() or [f"exit code {asked.returncode}"])[-1]
        return Driver(problem=f"the driver cannot be asked ({reason})")
    return content and Driver(**{**content, "gpus": tuple(Gpu(**gpu) for gpu in content["gpus"])})


def ask_driver() -> Driver | None:
    """Ask the driver in this process, which may block for ever."""
    import pynvml as nvml

    try:
        nvml.nvmlInit()
    except nvml.NVMLError_LibraryNotFound:
        return None
    except nvml.NVMLError as error:
        return Driver(problem=str(error))
    cuda = nvml.nvmlSystemGetCudaDriverVersion_v2()
    gpus = [gpu for number in range(nvml.nvmlDeviceGetCount()) for gpu in _gpus(nvml, number)]
    return Driver(nvml.nvmlSystemGetDriverVersion(), f"{cuda // 1000}.{cuda % 1000 // 10}", gpus=tuple(gpus))


def answer(ask: Callable[..., Any], *about: Any) -> Any:
    """The answer of the driver; None if it has none, because the GPU is older or the place is empty."""
    import pynvml

    try:
        return ask(*about)
    except pynvml.NVMLError:
        return None


def _gpus(nvml: Any, number: int) -> list[Gpu]:
    """A GPU; its parts if it is divided."""
    try:
        gpu = nvml.nvmlDeviceGetHandleByIndex(number)
        places = _parts(nvml, gpu)
        parts = [part for at in range(places) if (part := answer(_part, nvml, gpu, at)) is not None]
        if places and not parts:
            problem = "it is set to be divided (MIG) but has no parts, so nothing can compute on it"
            undivide = f"sudo nvidia-smi --id={number} --multi-instance-gpu=0"
            return [Gpu(nvml.nvmlDeviceGetUUID(gpu), problem=problem, remedy=undivide)]
        capability = ".".join(map(str, nvml.nvmlDeviceGetCudaComputeCapability(gpu)))
        return [_describe(nvml, each, capability) for each in parts or [gpu]]
    except nvml.NVMLError as error:
        return [Gpu(str(number), problem=str(error))]


def _parts(nvml: Any, gpu: Any) -> int:
    """Number of places for parts of a GPU; 0 if it is not divided."""
    mode = answer(nvml.nvmlDeviceGetMigMode, gpu)
    return nvml.nvmlDeviceGetMaxMigDeviceCount(gpu) if mode and mode[0] else 0


def _part(nvml: Any, gpu: Any, place: int) -> Any:
    return nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, place)


def _describe(nvml: Any, gpu: Any, capability: str) -> Gpu:
    memory_mb = nvml.nvmlDeviceGetMemoryInfo(gpu).total // 2**20
    return Gpu(nvml.nvmlDeviceGetUUID(gpu), nvml.nvmlDeviceGetName(gpu), memory_mb, capability)


if __name__ == "__main__":
    found = ask_driver()
    print(json.dumps(found and asdict(found)))
