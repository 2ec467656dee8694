"""The load of this machine at one moment: processor, memory, and each GPU with the processes that use it."""

import os
import time
from dataclasses import dataclass, field
from typing import Any

from tem_rf.runs.gpus import answer


@dataclass(frozen=True)
class GpuProcess:
    """A process that uses a GPU.

    Attributes:
        pid: Process id.
        user: Who started it; empty if that cannot be seen.
        command: Its command line; empty if that cannot be seen.
        memory_mb: GPU memory that it uses [MB]; None if the driver does not report it.
    """

    pid: int
    user: str
    command: str
    memory_mb: float | None


@dataclass(frozen=True)
class GpuLoad:
    """The load of a GPU; None for what its driver does not report.

    Attributes:
        number: Its number, from 0.
        name: Its model.
        uuid: Its UUID, as in CUDA_VISIBLE_DEVICES.
        load: Fraction of the time in which it computed.
        memory_used_mb: Memory in use [MB].
        memory_total_mb: Memory [MB].
        temperature_c: Temperature [°C].
        power_w: Power [W].
        processes: The processes that use it.
    """

    number: int
    name: str
    uuid: str
    load: float | None
    memory_used_mb: float | None
    memory_total_mb: float | None
    temperature_c: float | None
    power_w: float | None
    processes: tuple[GpuProcess, ...] = ()


@dataclass(frozen=True)
class MachineLoad:
    """The load of a machine.

    Attributes:
        cpu: Fraction of the time in which its processors computed, since the last reading.
        cores: Number of processors.
        memory_used_gb: Memory in use [GB].
        memory_total_gb: Memory [GB].
        gpus: Its NVIDIA GPUs.
        time: When it was read [s since 1970].
    """

    cpu: float
    cores: int
    memory_used_gb: float
    memory_total_gb: float
    gpus: tuple[GpuLoad, ...] = ()
    time: float = field(default_factory=time.time)


class LoadReader:
    """Reads the load again and again; NVIDIA's management library stays open meanwhile."""

    def __init__(self) -> None:
        import psutil

        self._nvml = _open_nvml()
        psutil.cpu_percent()  # the first value is meaningless: it counts from here

    def read(self) -> MachineLoad:
        """Return the load now."""
        import psutil

        memory = psutil.virtual_memory()
        return MachineLoad(
            cpu=psutil.cpu_percent() / 100,
            cores=os.cpu_count() or 1,
            memory_used_gb=(memory.total - memory.available) / 1e9,
            memory_total_gb=memory.total / 1e9,
            gpus=self._gpus(),
        )

    def _gpus(self) -> tuple[GpuLoad, ...]:
        if self._nvml is None:
            return ()
        count = answer(self._nvml.nvmlDeviceGetCount) or 0
        handles = (answer(self._nvml.nvmlDeviceGetHandleByIndex, number) for number in range(count))
        return tuple(self._gpu(number, handle) for number, handle in enumerate(handles) if handle is not None)

    def _gpu(self, number: int, handle: Any) -> GpuLoad:
        nvml = self._nvml
        use, memory = answer(nvml.nvmlDeviceGetUtilizationRates, handle), answer(nvml.nvmlDeviceGetMemoryInfo, handle)
        power_mw = answer(nvml.nvmlDeviceGetPowerUsage, handle)
        processes = {
            process.pid: process
            for kind in (nvml.nvmlDeviceGetGraphicsRunningProcesses, nvml.nvmlDeviceGetComputeRunningProcesses)
            for process in answer(kind, handle) or ()
        }
        return GpuLoad(
            number=number,
            name=_text(answer(nvml.nvmlDeviceGetName, handle)),
            uuid=_text(answer(nvml.nvmlDeviceGetUUID, handle)),
            load=None if use is None else use.gpu / 100,
            memory_used_mb=None if memory is None else memory.used / 1e6,
            memory_total_mb=None if memory is None else memory.total / 1e6,
            temperature_c=answer(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            power_w=None if power_mw is None else power_mw / 1000,
            processes=tuple(_process(pid, process.usedGpuMemory) for pid, process in sorted(processes.items())),
        )


def _open_nvml() -> Any:
    """Return NVIDIA's management library; None on a machine without its driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _process(pid: int, memory: int | None) -> GpuProcess:
    import psutil

    user = command = ""
    try:
        process = psutil.Process(pid)
        user, command = process.username(), " ".join(process.cmdline()) or process.name()
    except psutil.Error:  # of another container, or just ended
        pass
    return GpuProcess(pid, user, command, None if memory is None else memory / 1e6)


def _text(name: str | bytes | None) -> str:
    return name.decode() if isinstance(name, bytes) else name or ""
