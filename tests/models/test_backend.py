"""Keras is imported without packages that it only offers to work with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
from tem_rf.models.backend import import_keras
import_keras()
names = ["jax", "matplotlib", "pandas", "sklearn"]
loaded = [name for name in names if name in sys.modules]
import matplotlib.pyplot, pandas, sklearn
from tem_rf.architecture import Architecture
from tem_rf.models.unet import build_unet
print(json.dumps([loaded, build_unet(Architecture((2, 2))).name, matplotlib.pyplot.figure().number]))
"""


@pytest.mark.parametrize(("backend", "loaded"), [("tensorflow", []), ("jax", ["jax"])])
def test_keras_is_imported_without_packages_that_are_not_used(backend: str, loaded: list[str]) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    environment = os.environ | {"KERAS_BACKEND": backend, "MPLBACKEND": "agg"}
    run = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [loaded, "n2-p22", 1]


def test_without_a_home_folder_nothing_is_written_to_the_working_folder(tmp_path: Path) -> None:
    script = "from tem_rf.models.backend import import_keras; import_keras(); import os; print(os.environ['HOME'])"
    environment = os.environ | {"HOME": "~", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert run.stdout == "~\n"
    assert list(tmp_path.iterdir()) == []
