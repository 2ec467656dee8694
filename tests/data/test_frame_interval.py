"""The time between frames is what the file says, in seconds."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile

from tem_rf.data.readers import open_recording
from tests.helpers.written_files import write_velox_emd

FRAMES = np.arange(3 * 8 * 9, dtype=np.uint16).reshape(3, 8, 9)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [({"finterval": 0.5}, 0.5), ({"finterval": 40.0, "tunit": "ms"}, 0.04), ({"finterval": 0.0}, None), ({}, None)],
)
def test_imagej_says_it_in_its_unit(said: dict[str, Any], seconds: float | None, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", FRAMES, imagej=True, metadata={"axes": "TYX", **said})
    with open_recording(tmp_path / "m.tif") as recording:
        assert recording.frame_interval_s == (seconds and pytest.approx(seconds))


def test_velox_says_it_of_its_scan(tmp_path: Path) -> None:
    write_velox_emd(tmp_path / "m.emd")
    with h5py.File(tmp_path / "m.emd", "a") as file:
        group = file["Data/Image/1b"]
        metadata = json.loads(group["Metadata"][:, 0].tobytes().split(b"\0", 1)[0])
        text = json.dumps(metadata | {"Scan": {"FrameTime": "1.25"}}).encode().ljust(1000, b"\0")
        group["Metadata"][:, 0] = np.frombuffer(text, np.uint8)
    with open_recording(tmp_path / "m.emd") as recording:
        assert recording.frame_interval_s == 1.25


def test_hyperspy_says_it_on_an_axis_of_time(tmp_path: Path) -> None:
    pytest.importorskip("rsciio", reason="needs the extra `formats`")
    from rsciio.hspy import file_writer

    steps = (("time", 20, "ms"), ("y", 0.1, "nm"), ("x", 0.1, "nm"))
    axes = [
        {"size": size, "name": name, "scale": step, "offset": 0.0, "units": unit, "navigate": name == "time"}
        for size, (name, step, unit) in zip(FRAMES.shape, steps, strict=True)
    ]
    signal = {"data": FRAMES, "axes": axes, "metadata": {"General": {"title": "m"}}, "original_metadata": {}}
    signal |= {"package_info": {}, "tmp_parameters": {}, "attributes": {"_lazy": False}, "learning_results": {}}
    file_writer(tmp_path / "m.hspy", signal | {"models": None}, close_file=True)
    with open_recording(tmp_path / "m.hspy") as recording:
        assert recording.count == 3
        assert recording.frame_interval_s == pytest.approx(0.02)
