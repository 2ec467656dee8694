"""The built package in clean environments: every Python it is for, the newest and the oldest versions allowed."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.helpers.repository import ROOT

NEWEST, OLDEST = ROOT / "constraints.txt", ROOT / "constraints-lowest.txt"


def test_the_oldest_versions_are_those_that_pyproject_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = dict(line.split("==") for line in OLDEST.read_text(encoding="utf-8").splitlines() if "==" in line)
    for requirement in map(Requirement, project["dependencies"]):
        lowest = next(each.version for each in requirement.specifier if each.operator == ">=")
        assert SpecifierSet(f"=={lowest}.*").contains(pinned[requirement.name]), requirement.name


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the source distribution and the wheel that was built from it."""
    output = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--outdir", output, ROOT)
    return output


@pytest.mark.release
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("python", "constraints", "distribution"),
    [
        ("3.11", OLDEST, "*.whl"),
        ("3.11", NEWEST, "*.tar.gz"),
        ("3.12", NEWEST, "*.whl"),
        ("3.13", NEWEST, "*.whl"),
    ],
    ids=["3.11-oldest", "3.11-sdist", "3.12-wheel", "3.13-wheel"],
)
def test_the_demo_runs_from_what_is_built(
    built: Path, tmp_path: Path, python: str, constraints: Any, distribution: str
) -> None:
    bin_folder = environment(python, tmp_path / "venv")
    pip: list[str | Path] = [bin_folder / "python", "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--constraint", constraints, next(built.glob(distribution)))
    run(*pip, "check")

    assert "segment" in run(bin_folder / "tem-rf", "--help", cwd=tmp_path)
    api = "import doctest, tem_rf.api as api; raise SystemExit(doctest.testmod(api).failed)"
    run(bin_folder / "python", "-c", api, cwd=tmp_path)
    run(bin_folder / "tem-rf", "demo", cwd=tmp_path)
    shipped = run(bin_folder / "tem-rf", "segment", "demo/micrographs/images", "--output", "masks", cwd=tmp_path)
    assert "au-hrtem" in shipped


def environment(python: str, folder: Path) -> Path:
    """A new environment with an interpreter of this version; the folder of its programs."""
    interpreter = sys.executable if sys.version.startswith(f"{python}.") else shutil.which(f"python{python}")
    if not interpreter or subprocess.run([interpreter, "--version"], capture_output=True, check=False).returncode:
        pytest.skip(f"no python{python} on this machine")
    run(interpreter, "-m", "venv", folder)
    return folder / ("Scripts" if sys.platform == "win32" else "bin")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command prints; the test fails with all of it where the command does."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout
