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
CONSTRAINTS = ("constraints.txt", "constraints-lowest.txt")
SHIPPED_MODELS = ("au-hrtem", "bright-field")
BESIDE_CODE = {
    "tem_rf/py.typed",
    "tem_rf/study/report.html.j2",
    "tui/app.tcss",
    "saved_models/README.md",
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
def source(tmp_path_factory):
    """A copy of the tree, with a model of a user's own in it."""
    copy = tmp_path_factory.mktemp("source")
    for folder in (*PACKAGES, "tests", "saved_models"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", *CONSTRAINTS):
        shutil.copy(ROOT / name, copy)
    (copy / "saved_models" / "my-own").mkdir()
    (copy / "saved_models" / "my-own" / "model.json").touch()
    return copy


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    """Folder with wheel and source distribution."""
    pytest.importorskip("build")
    output = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", output, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return output


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        yield archive


def test_the_wheel_holds_every_module_and_what_lies_beside_them_and_nothing_else(source, wheel):
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held - {"saved_models/make.py"} == files_of(source, *PACKAGES, pattern="*.py") | BESIDE_CODE | models(source)


def test_the_wheel_says_its_license_and_the_pythons_it_is_for(wheel):
    metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith("METADATA"))).decode()
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Requires-Python: <3.14,>=3.11" in metadata
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_the_source_distribution_builds_and_tests_itself(source, built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    beside = {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", *CONSTRAINTS}
    assert names >= files_of(source, "tests", pattern="*.py") | BESIDE_CODE | models(source) | beside
    assert [name for name in names if re.search(r"__pycache__|\.pyc$|^(runs|datasets|demo)/|my-own", name)] == []
