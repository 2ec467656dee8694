"""Every benchmark starts as a script, from any folder."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.repository import ROOT

BENCHMARKS = ROOT / "benchmarks"
ENERGY_FRACTIONS = {"soak_driver", "pytorch_steps", "pytorch_training"}  # started by another script
SCRIPTS = [
    path
    for path in sorted(BENCHMARKS.glob("*.py"))
    if path.stem not in ENERGY_FRACTIONS and "__main__" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_says_how_it_is_used(script: Any, tmp_path: Path) -> None:
    if "\nimport torch" in script.read_text(encoding="utf-8") and find_spec("torch") is None:
        pytest.skip("torch is not installed")
    done = subprocess.run(
        [sys.executable, script, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout
