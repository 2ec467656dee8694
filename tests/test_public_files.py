"""What a visitor of the repository reads agrees with what the project is."""

import re
import tomllib
from typing import Any

import yaml

from tests.helpers.repository import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def content(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))


def called_targets(text: str) -> set[str]:
    return set(re.findall(r"\bmake ([a-z-]+)", text))


def test_the_citation_names_the_version_the_license_and_the_publication_of_the_project() -> None:
    citation = content("CITATION.cff")
    (publication,) = citation["references"]
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert f"https://doi.org/{publication['doi']}" == PROJECT["urls"]["Publication"]


def test_workflows_call_targets_that_the_makefile_has() -> None:
    called = set().union(*(called_targets(path.read_text(encoding="utf-8")) for path in WORKFLOWS))
    assert {"test", "check", "docs", "release-check", "test-slow"} <= called
    assert called <= make_targets()


def test_the_guide_for_contributors_names_targets_that_the_makefile_has() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert called_targets(guide) <= make_targets()


def test_every_supported_python_is_tested_on_linux_and_macos() -> None:
    matrix = content(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert matrix["python"] == classified
    assert {each.partition("-")[0] for each in matrix["os"]} == {"ubuntu", "macos"}


def test_hooks_run_programs_that_make_install_brings() -> None:
    programs = {
        hook["entry"].split()[0] for repo in content(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]
    }
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for program in programs:
        assert f"$(BIN)/{program.removeprefix('.venv/bin/')}" in makefile


def test_links_between_the_pages_of_the_repository_lead_somewhere() -> None:
    for name in ("CONTRIBUTING.md", "SECURITY.md"):
        for link in re.findall(r"\]\((?!http)([^)#]+)", (ROOT / name).read_text(encoding="utf-8")):
            assert (ROOT / link).exists(), f"{name}: {link}"
