"""`tem-rf study table`, `compare` and `report`, as a user types them."""

import csv
import io
import json
import re
from functools import partial
from pathlib import Path

import pytest

from tests.helpers.command import Command, tem_rf
from tests.helpers.run_folders import new_run, write_run


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    for seed in (1, 2):
        for network, dice in (("n2-p22", 0.6), ("n2-p44", 0.9)):
            scores = {f"m{index}": [dice + seed / 100 + index / 1000] for index in range(7)}
            write_run(tmp_path / "runs", network, seed, scores)
    write_run(tmp_path / "runs", "n3-p222", 1, 0.99)
    write_run(tmp_path / "runs", "n3-p222", 2, state="failed", detail="the loss became NaN [3]")
    return partial(tem_rf, capfd, monkeypatch)


@pytest.fixture
def study(tmp_path: Path) -> str:
    """The same runs as a study of three seeds."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/fig2").mkdir()
    (tmp_path / "studies/fig2/study.toml").write_text('datasets = ["/data/au-5nm"]\nseeds = [1, 2, 3]\n')
    (tmp_path / "studies/fig2/runs").symlink_to(tmp_path / "runs")
    return "fig2"


def test_the_table_is_sorted_filtered_and_says_what_failed(run: Command) -> None:
    printed = run("study", "table", "runs", "--sort", "-hard_dice")
    assert printed.code == 0
    lines = [line for line in printed.stdout.splitlines() if "au-5nm" in line]
    assert [re.search(r"n\d-p\d+", line)[0] for line in lines] == ["n3-p222", "n2-p44", "n2-p22"]
    assert "1 of 2" in lines[0]
    assert "1 failed" in lines[0]
    assert "0.918 ± 0.007" in lines[1]
    assert "n3-p222-s2: failed: the loss became NaN [3]" in printed.stderr
    assert "n3-p222" not in run("study", "table", "runs", "--filter", "state=finished").stdout
    front = json.loads(run("study", "table", "runs", "--pareto", "--json").stdout)
    assert [row["network"] for row in front] == ["n2-p44"]


def test_methods_without_a_network_stand_below_the_trials_of_their_dataset(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_dataset: Path
) -> None:
    new_run(tiny_dataset, tmp_path / "runs" / "untrained")
    table = partial(tem_rf, capfd, monkeypatch, "study", "table", tmp_path / "runs", "--baseline")
    rows = json.loads(table("--json").stdout)
    assert [row["network"] for row in rows] == ["n2-p22", "Fourier filtering", "brightness threshold"]
    assert {row["dataset"] for row in rows} == {"discs"}
    assert rows[2]["hard_dice"]["mean"] > 0.5
    assert rows[2]["parameters"] is None
    assert "brightness threshold" in table("--format", "markdown").stdout
    assert "discs-brightness threshold: darker than Otsu's threshold" in table().stderr


def test_a_baseline_whose_dataset_is_gone_says_so_below_the_table(run: Command) -> None:
    printed = run("study", "table", "runs", "--baseline")
    assert printed.code == 0
    assert "au-5nm-Fourier filtering: /data/au-5nm: is not a dataset" in " ".join(printed.stderr.split())


@pytest.mark.parametrize("format_", ["csv", "markdown", "latex", "json"])
def test_what_is_printed_for_programs_is_only_the_table(run: Command, format_: str) -> None:
    printed = run("study", "table", "runs", "--format", format_, "--columns", "network,hard_dice")
    match format_:
        case "csv":
            rows = list(csv.DictReader(io.StringIO(printed.stdout)))
            assert [row["network"] for row in rows] == ["n2-p22", "n2-p44", "n3-p222"]
            assert float(rows[1]["hard_dice"]) == pytest.approx(0.918)
        case "markdown":
            assert printed.stdout.splitlines()[3] == "| n2-p44 | 0.918 ± 0.007 |"
        case "latex":
            assert r"n2-p44 & 0.918 $\pm$ 0.007 \\" in printed.stdout.splitlines()
        case "json":
            assert json.loads(printed.stdout)[1]["hard_dice"]["mean"] == pytest.approx(0.918)


def test_a_study_is_found_by_name_and_lacks_the_seeds_that_have_no_run(run: Command, study: str) -> None:
    rows = json.loads(run("study", "table", study, "--json").stdout)
    assert [row["state"] for row in rows] == ["1 no run yet", "1 no run yet", "1 failed, 1 no run yet"]
    assert rows[0]["seeds"] == "2 of 3"


def test_a_comparison_says_in_words_whether_trials_can_be_told_apart(run: Command) -> None:
    printed = run("study", "compare", "runs", "n2-p22", "n2-p44", "--metric", "hard_dice")
    assert "7 images of 7 micrographs, 2 and 2 seeds" in printed.stdout
    last = printed.stdout.splitlines()[-1]
    assert last.startswith("au-5nm-n2-p44 is better than au-5nm-n2-p22 in hard dice (-0.3000, 95% interval -0.3")
    (found,) = json.loads(run("study", "compare", "runs", "n2-p22", "n2-p44", "--metric", "soft_dice", "--json").stdout)
    assert found["difference"] == pytest.approx(-0.15)
    assert "better" in found["verdict"]


def test_a_quick_report_is_a_page_beside_its_figures(run: Command, study: str) -> None:
    printed = run("study", "report", study, "--quick")
    assert printed.stdout.splitlines() == ["studies/fig2/report/report.html"]
    assert not Path("studies/fig2/report/costs.csv").exists()  # no trial has all three seeds
    assert Path("studies/fig2/report/dice.png").exists()
    assert not Path("studies/fig2/report/segmentations.png").exists()


def test_one_figure_is_made_alone_or_left_out_with_the_reason(run: Command) -> None:
    made = run("study", "report", "runs", "--figure", "dice", "--figure", "dilation", "--output", "figures", "--json")
    assert json.loads(made.stdout) == {
        "files": ["figures/dice.png"],
        "left_out": {"dilation": "No network with dilation is finished and scored."},
    }
    assert sorted(path.name for path in Path("figures").iterdir()) == ["dice.csv", "dice.png", "dice.svg"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("table nowhere", ["nowhere: no study of this name in studies", "tem-rf study list"]),
        ("table runs --sort beauty", ["column 'beauty'", "hard_dice"]),
        ("table runs --filter depth", ["filter 'depth'", "COLUMN=VALUE"]),
        ("table runs --columns network,beauty", ["column 'beauty'"]),
        ("table runs --pareto --cost beauty", ["column 'beauty'"]),
        ("compare runs n2-p22 n9", ["n9: no such trial", "au-5nm-n2-p44"]),
        ("compare runs n2-p22 n2-p44 --metric beauty", ["score 'beauty'"]),
        ("report runs --figure art", ["figure 'art'", "particle-sizes"]),
        ("report runs --quick --output runs/000-n2-p22-s1/config.json", ["config.json", "cannot be written"]),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(run: Command, arguments: str, words: list[str]) -> None:
    printed = run("study", *arguments.split())
    assert printed.code != 0
    assert printed.stdout == ""
    (line,) = [line for line in printed.stderr.splitlines() if line.startswith("tem-rf: ")]
    assert "Traceback" not in printed.stderr
    for word in words:
        assert word in line
