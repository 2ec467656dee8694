"""What the wheel and the source distribution hold."""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("tem_rf", "tui")
BESIDE_CODE = {"tem_rf/py.typed", "tem_rf/study/report.html.j2", "tui/app.tcss"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with both, built from a copy of the tree."""
    pytest.importorskip("build")
    copy, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for folder in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "constraints.txt"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", output, copy]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return output


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        yield archive


def test_the_wheel_holds_every_module_and_what_lies_beside_them_and_nothing_else(wheel):
    modules = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == modules | BESIDE_CODE


def test_the_wheel_says_its_license_and_the_pythons_it_is_for(wheel):
    metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith("METADATA"))).decode()
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Requires-Python: <3.14,>=3.11" in metadata
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_the_source_distribution_builds_and_tests_itself(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    assert names >= tests | BESIDE_CODE | {"LICENSE", "README.md", "CHANGELOG.md", "constraints.txt", "pyproject.toml"}
    assert [name for name in names if re.search(r"__pycache__|\.pyc$|^(runs|datasets|demo|saved_models)/", name)] == []
