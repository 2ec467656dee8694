"""docs/security.md lists every dependency, and the pinned versions include the security fixes it names."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.version import Version

from tests.helpers.repository import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
OF_DEVELOPERS = {"dev", "docs", "benchmark"}


def test_every_dependency_of_a_user_is_reviewed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [wanted for extra, wanted in project["optional-dependencies"].items() if extra not in OF_DEVELOPERS]
    wanted = {Requirement(line).name for lines in (project["dependencies"], *extras) for line in lines}
    reviewed = {name for cell in re.findall(r"^\| ([^|]+) \|", PAGE, re.MULTILINE) for name in re.split(r"[ ,]+", cell)}
    assert wanted - reviewed == set()


def test_no_pinned_version_is_older_than_the_one_that_fixed_a_vulnerability() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    fixed = re.findall(r"^\| ([\w-]+) \| [^|]+ \| ([\d.]+) \|$", PAGE, re.MULTILINE)
    assert len(fixed) == 10
    for package, version in fixed:
        pinned = re.findall(rf"^{package}==(\S+)", constraints, re.MULTILINE)
        assert pinned, f"{package} is not pinned"
        assert min(map(Version, pinned)) >= Version(version), package
