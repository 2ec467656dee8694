"""What the wheel and the source distribution hold."""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.repository import ROOT

FOLDERS = ("tem_rf", "tui", "tests", "saved_models")
CONSTRAINTS = ("constraints.txt", "constraints-lowest.txt")
SHIPPED_MODELS = ("au-hrtem", "bright-field", "hrtem")
BESIDE_CODE = {
    "tem_rf/py.typed",
    "tem_rf/experiment/report.html.j2",
    "tem_rf/study/report.html.j2",
    "tem_rf/data/simulation/scattering_factors.json",
}


def files_of(root: Path, *places: str, pattern: str = "*") -> set[str]:
    """Files below folders of a tree, as seen from it."""
    files = (path for place in places for path in (root / place).rglob(pattern) if path.is_file())
    return {file.relative_to(root).as_posix() for file in files}


def models(root: Path) -> set[str]:
    """Files of the models that ship."""
    return files_of(root, *(f"saved_models/{name}" for name in SHIPPED_MODELS))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, with a model of a user's own in it."""
    copy = tmp_path_factory.mktemp("source")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", *CONSTRAINTS):
        shutil.copy(ROOT / name, copy)
    (copy / "saved_models" / "my-own").mkdir()
    (copy / "saved_models" / "my-own" / "model.json").touch()
    return copy


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with wheel and source distribution."""
    pytest.importorskip("build")
    output = tmp_path_factory.mktemp("built")
    command: list[str | Path] = [sys.executable, "-m", "build", "--no-isolation", "--outdir", output, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return output


@pytest.fixture(scope="module")
def wheel(built: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        yield archive


def test_the_wheel_holds_every_module_and_what_lies_beside_them_and_nothing_else(
    source: Path, wheel: zipfile.ZipFile
) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    library = files_of(source, "tem_rf", pattern="*.py") | BESIDE_CODE
    app = files_of(source / "tui", "tem_rf_tui", pattern="*.py") | {"tem_rf_tui/app.tcss"}
    shipped = {name.replace("saved_models/", "tem_rf/shipped_models/", 1) for name in models(source)}
    assert held == library | app | shipped


def test_an_installed_wheel_finds_the_models_that_ship_and_owns_no_other_top_level_name(
    wheel: Any, tmp_path: Path
) -> None:
    wheel.extractall(tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.suffix != ".dist-info"} == {"tem_rf", "tem_rf_tui"}
    code = (
        "from tem_rf.saved_models import *; print(SHIPPED_MODELS, *(each.name for each in models_in(SHIPPED_MODELS)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "tem_rf" / "shipped_models"), *SHIPPED_MODELS]


def test_the_wheel_says_its_license_and_the_pythons_it_is_for(wheel: zipfile.ZipFile) -> None:
    metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith("METADATA"))).decode()
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Requires-Python: <3.14,>=3.11" in metadata
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_the_source_distribution_builds_and_tests_itself(source: Path, built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    beside = {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "setup.py", *CONSTRAINTS}
    code = files_of(source, "tem_rf", "tests", "tui", pattern="*.py") | BESIDE_CODE | {"tui/tem_rf_tui/app.tcss"}
    assert names >= code | models(source) | {"saved_models/README.md", "saved_models/make.py"} | beside
    assert [name for name in names if re.search(r"__pycache__|\.pyc$|^(runs|datasets|demo)/|my-own", name)] == []
