"""The load of the machine: read, in words, on the small line and on the Train screen."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tem_rf.runs.load import GpuLoad, GpuProcess, LoadReader, MachineLoad
from tem_rf_tui.app import TemRfApp
from tem_rf_tui.machine import line_text, machine_text
from tem_rf_tui.screens.machine import MachineScreen
from tem_rf_tui.widgets.machine_line import MachineLine
from tests.helpers.app import WIDE, drive, make_run, screen_text, until
from tests.helpers.steady_load import SteadyLoad


def _load(load: float = 0.93, **changes: float | None) -> MachineLoad:
    fields = {"memory_used_mb": 62_000.0, "memory_total_mb": 80_000.0, "temperature_c": 71.0, "power_w": 312.0}
    process = GpuProcess(4711, "ada", "python train.py", 61_000.0)
    gpu = GpuLoad(0, "NVIDIA H200", "GPU-a", load, **{**fields, **changes}, processes=(process,))
    return MachineLoad(cpu=0.4, cores=16, memory_used_gb=12, memory_total_gb=128, gpus=(gpu,))


def test_this_machine_can_be_read() -> None:
    load = LoadReader().read()
    assert 0 <= load.cpu <= 1
    assert 0 < load.memory_used_gb < load.memory_total_gb


def test_the_small_line_fits_beside_the_tabs_and_tells_of_the_gpu_first() -> None:
    assert line_text(_load()) == "GPU 93% 62/80 GB"
    assert line_text(_load(), is_wide=True) == "CPU 40% 12/128 GB · GPU 93% 62/80 GB 71 °C 312 W"
    without = MachineLoad(cpu=0.4, cores=2, memory_used_gb=12, memory_total_gb=16)
    assert line_text(without) == "CPU 40% 12/16 GB"


def test_what_a_driver_does_not_report_is_left_out() -> None:
    silent = _load(memory_used_mb=None, temperature_c=None, power_w=None)
    assert "°C" not in machine_text([silent])
    assert "°C" not in line_text(silent, is_wide=True)


def test_history_is_drawn_and_the_users_of_a_gpu_are_named() -> None:
    text = machine_text([_load(0.0), _load(0.5), _load(1.0)])
    assert "▁▅█ 100%" in text
    assert "4711  ada  61.0 GB  python train.py" in text


def test_the_load_is_shown_in_train_and_everywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(folder / "runs", "a")
    monkeypatch.setattr(SteadyLoad, "read", lambda self: _load(1.0))

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "GPU 100% 62/80 GB 71 °C 312 W" in screen_text(app))
        await pilot.press("v", "v", "v", "v")
        await until(pilot, lambda: "4711  ada" in screen_text(app))
        await pilot.press("1", "M")
        await until(pilot, lambda: isinstance(app.screen, MachineScreen))
        await until(pilot, lambda: "GPU 0  NVIDIA H200  71 °C  312 W" in screen_text(app))

    drive(folder, script, size=WIDE)


def test_a_smaller_number_does_not_lay_out_the_screen_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1.0]
    monkeypatch.setattr(SteadyLoad, "read", lambda self: _load(now[0]))

    async def script(app: TemRfApp, pilot: Pilot[None]) -> None:
        line = app.screen.query_one(MachineLine)
        await until(pilot, lambda: "GPU 100% 62/80 GB" in screen_text(app))
        width = line.region.width
        now[0] = 0.07
        line.show(_load(0.07), is_wide=True)
        await until(pilot, lambda: "GPU 7% 62/80 GB" in screen_text(app))
        assert line.region.width == width

    drive(folder, script, size=WIDE)
