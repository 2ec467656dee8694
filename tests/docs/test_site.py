"""The site builds without a warning, and needs nothing from the network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.repository import ROOT

pytest.importorskip("mkdocs", reason="the extra docs is not installed")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_of_the_docs_and_of_the_reference_is_there(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    reference = {Path("reference", f"{name}.html") for name in ("commands", "settings", "formats", "events", "api")}
    assert [page for page in pages | reference if not (site / page).is_file()] == []


def test_formulas_are_mathml_and_none_is_left_as_it_was_written(site: Path) -> None:
    page = (site / "method.html").read_text(encoding="utf-8")
    assert page.count("<math") > 40
    assert "arithmatex" not in page
    assert r"\sum" not in page


def test_pages_load_nothing_from_the_network(site: Path) -> None:
    loads = re.compile(r'(?:<link[^>]+href|<script[^>]+src|<img[^>]+src)="(https?:[^"]+)"')
    pages = [page.read_text(encoding="utf-8") for page in site.rglob("*.html")]
    assert [address for page in pages for address in loads.findall(page)] == []


def test_functions_of_the_api_page_show_their_arguments(site: Path) -> None:
    page = (site / "reference" / "api.html").read_text(encoding="utf-8")
    assert "pooling_sequence" in page
    assert "ArchitectureError" in page
