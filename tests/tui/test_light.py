"""The app never imports TensorFlow, whatever it shows."""

import subprocess
import sys
from pathlib import Path

import pytest

_EVERY_WAY = """
import sys
from pathlib import Path
import tem_rf_tui.app
from tem_rf import Architecture
from tem_rf.config.training import training_settings
from tem_rf_tui.previews import preview_dataset
from tem_rf_tui.results import read_results
from tem_rf_tui.screens.new_training import Training, make_runs
from tem_rf.runs.view import RunTracker

dataset, root = Path(sys.argv[1]), Path(sys.argv[2])
preview_dataset(dataset, 0)
make_runs(Training(dataset, (Architecture((2, 2)),), (752,), training_settings("paper")), root)
read_results({"": RunTracker(root).poll()}, is_grouped=True)
heavy = {"tensorflow", "keras", "jax", "torch"} & set(sys.modules)
assert not heavy, heavy
"""


def test_nothing_the_app_does_imports_tensorflow(tiny_dataset: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _EVERY_WAY, str(tiny_dataset), str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["matplotlib", "scipy", "skimage", "tifffile", "h5py"])
def test_the_first_paint_waits_for_no_reader(module: str) -> None:
    code = f"import sys, tem_rf_tui.app; assert {module!r} not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
