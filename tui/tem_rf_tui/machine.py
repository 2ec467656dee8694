"""The load of the machine in words and sparklines."""

import getpass
from collections.abc import Iterable, Sequence

from tem_rf.runs.load import GpuLoad, GpuProcess, MachineLoad

HISTORY = 60
"""Number of readings that are kept."""

_BARS = "▁▂▃▄▅▆▇█"
_MB_PER_GB = 1000


def line_text(load: MachineLoad, *, is_wide: bool = False) -> str:
    """Return the load on a short line: of the GPUs if there are any, otherwise of the processors.

    Args:
        load: The load.
        is_wide: Whether there is room for the processors beside the GPUs, and for temperature and power.
    """
    cpu = f"CPU {load.cpu:.0%} {load.memory_used_gb:.0f}/{load.memory_total_gb:.0f} GB"
    if not load.gpus:
        return cpu
    used = sum(gpu.memory_used_mb or 0 for gpu in load.gpus) / _MB_PER_GB
    total = sum(gpu.memory_total_mb or 0 for gpu in load.gpus) / _MB_PER_GB
    loads = [gpu.load for gpu in load.gpus if gpu.load is not None]
    name = "GPU" if len(load.gpus) == 1 else f"{len(load.gpus)} GPUs"
    gpus = f"{name} {f'{sum(loads) / len(loads):.0%} ' if loads else ''}{used:.0f}/{total:.0f} GB"
    if not is_wide:
        return gpus
    hottest = max((gpu.temperature_c for gpu in load.gpus if gpu.temperature_c is not None), default=None)
    watts = [gpu.power_w for gpu in load.gpus if gpu.power_w is not None]
    more = [*([f"{hottest:.0f} °C"] if hottest is not None else []), *([f"{sum(watts):.0f} W"] if watts else [])]
    return f"{cpu} · {' '.join([gpus, *more])}"


def machine_text(history: Sequence[MachineLoad]) -> str:
    """Return everything that is known about the machine, one device after the other."""
    if not history:
        return "Reading …"
    now = history[-1]
    memory = [each.memory_used_gb / each.memory_total_gb for each in history]
    lines = [
        f"CPU     {sparkline(each.cpu for each in history)} {now.cpu:4.0%}  of {now.cores} processors",
        f"memory  {sparkline(memory)} {memory[-1]:4.0%}  {now.memory_used_gb:.1f} of {now.memory_total_gb:.1f} GB",
    ]
    for gpu in now.gpus:
        lines += ["", *_gpu_lines(gpu, [_same(gpu, each) for each in history])]
    if not now.gpus:
        lines += ["", "No NVIDIA GPU, or no driver for it: trainings run on the CPU. `tem-rf doctor` checks why."]
    return "\n".join(lines)


def sparkline(fractions: Iterable[float | None], width: int = 24) -> str:
    """Return the last values as bars from 0 to 1; a gap where there is none.

    >>> sparkline([0.0, 0.5, None, 1.0], width=6)
    '  ▁▅ █'
    """
    bars = [" " if each is None else _BARS[round(min(1.0, max(0.0, each)) * (len(_BARS) - 1))] for each in fractions]
    return "".join(bars[-width:]).rjust(width)


def _gpu_lines(gpu: GpuLoad, history: list[GpuLoad | None]) -> list[str]:
    lines = [f"GPU {gpu.number}  {gpu.name}{_heat(gpu)}"]
    loads = [each.load if each else None for each in history]
    lines.append(f"load    {sparkline(loads)} {_percent(gpu.load)}")
    memory = [_memory(each) if each else None for each in history]
    used, total = (gpu.memory_used_mb or 0) / _MB_PER_GB, (gpu.memory_total_mb or 0) / _MB_PER_GB
    lines.append(f"memory  {sparkline(memory)} {_percent(_memory(gpu))}  {used:.1f} of {total:.1f} GB")
    lines += [_process_text(process) for process in gpu.processes] or ["nobody uses it"]
    return lines


def _heat(gpu: GpuLoad) -> str:
    temperature = "" if gpu.temperature_c is None else f"  {gpu.temperature_c:.0f} °C"
    return temperature + ("" if gpu.power_w is None else f"  {gpu.power_w:.0f} W")


def _memory(gpu: GpuLoad) -> float | None:
    return gpu.memory_used_mb / gpu.memory_total_mb if gpu.memory_used_mb and gpu.memory_total_mb else None


def _process_text(process: GpuProcess) -> str:
    user = process.user or "unknown user"
    user = f"{user} (you)" if process.user == _own_name() else user
    memory = "" if process.memory_mb is None else f"{process.memory_mb / _MB_PER_GB:.1f} GB  "
    return f"  {process.pid}  {user}  {memory}{process.command or 'a process that cannot be seen from here'}"


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without this user
        return ""


def _percent(fraction: float | None) -> str:
    return "   –" if fraction is None else f"{fraction:4.0%}"


def _same(gpu: GpuLoad, load: MachineLoad) -> GpuLoad | None:
    return next((each for each in load.gpus if each.uuid == gpu.uuid), None)
