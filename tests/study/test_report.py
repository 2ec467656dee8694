"""The report is one page that needs nothing beside it, and shows in a real browser."""

import html
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tem_rf.evaluation.trials import read_results
from tem_rf.runs.root import list_runs
from tem_rf.study.figures.catalogue import FIGURES
from tem_rf.study.report import write_report
from tests.helpers.run_folders import write_run

ATTACK = '<img src=x onerror="console.error(1)">'
QUICK = [entry for entry in FIGURES if not entry.needs_networks]

COMMANDS: dict[str, Any] = {"table_command": "print the table", "figure_command": "draw {}".format}

# Said in the title once everything is loaded, so that it stands in the dumped page.
_CHECK = """<script>addEventListener("load", () => {
  const images = [...document.images], loaded = images.filter(image => image.naturalWidth > 0);
  document.title = `${loaded.length} of ${images.length} images`;
})</script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("study")
    for seed in (1, 2):
        for network, dice in (("n2-p22", 0.6), ("n2-p44", 0.9), ("n3-p222", 0.7)):
            scores = {f"m{index}": [dice + seed / 100 + index / 1000] * 2 for index in range(7)}
            write_run(tmp_path / "runs", network, seed, scores, dataset=ATTACK)
    write_run(tmp_path / "runs", "n2-p88", 1, 0.5, dataset=ATTACK, state="failed", detail=f"died of {ATTACK}")
    results = read_results(list_runs(tmp_path / "runs"))
    return write_report(results, tmp_path / "report", study=ATTACK, figures=QUICK, **COMMANDS)


def test_names_from_files_are_text_and_nothing_is_loaded_from_elsewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert ATTACK not in text
    assert "&lt;img src=x" in text
    places = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert places
    assert [place for place in places if not place.startswith(("data:", "#"))] == []
    assert "<script" not in text


def test_the_page_says_which_is_better_and_what_failed(page: Path) -> None:
    text = html.unescape(page.read_text(encoding="utf-8"))
    assert f"{ATTACK}-n2-p44 has the highest mean hard dice of 3" in text
    assert f"{ATTACK}-n2-p44 is better than {ATTACK}-n2-p22 in hard dice" in text
    assert f"n2-p88-s1: failed: died of {ATTACK}" in text
    assert 'class="incomplete"' in text


def test_each_figure_carries_its_command_and_its_numbers_and_what_is_missing_is_said(page: Path) -> None:
    text = html.unescape(page.read_text(encoding="utf-8"))
    for entry in QUICK:
        assert f"<code>draw {entry.name}</code>" in text
    assert "Dilation: No network with dilation is finished and scored." in text
    assert 'download="dice.csv"' in text
    assert 'download="dice.svg"' in text


def test_the_same_runs_give_the_same_files(tmp_path: Path) -> None:
    write_run(tmp_path / "runs")
    results = read_results(list_runs(tmp_path / "runs"))
    one, other = (
        write_report(results, tmp_path / name, study="s", figures=FIGURES[:1], **COMMANDS).parent for name in "ab"
    )
    files = sorted(path.name for path in one.iterdir())
    assert files == ["dice.csv", "dice.png", "dice.svg", "report.html", "table.csv"]
    assert [(one / name).read_bytes() for name in files] == [(other / name).read_bytes() for name in files]


def test_a_report_of_no_finished_run_is_a_page_too(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", dice=None, state="running")
    page = write_report(
        read_results(list_runs(tmp_path / "runs")), tmp_path, study="s", figures=[FIGURES[0], FIGURES[-1]], **COMMANDS
    )
    text = page.read_text(encoding="utf-8")
    assert "No trial has all its seeds finished and scored yet." in text
    assert "No run is finished and scored yet." in text


def test_the_page_shows_in_chromium_without_errors_and_every_image_loads(page: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    copy = tmp_path / "copy.html"  # elsewhere, so that nothing beside the page can help it
    copy.write_text(page.read_text(encoding="utf-8") + _CHECK, encoding="utf-8")
    images = page.read_text(encoding="utf-8").count("<img ")
    assert images == len(QUICK) - 1  # all but dilation
    shown = subprocess.run(
        [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--v=0"),
            *("--virtual-time-budget=5000", "--dump-dom", copy.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert f"<title>{images} of {images} images</title>" in shown.stdout
    assert [line for line in shown.stderr.splitlines() if "CONSOLE" in line] == []
