"""Figures are drawn from numbers that stand beside them, or left out with the reason."""

import csv
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tem_rf.data.prepared import open_dataset
from tem_rf.errors import SettingsError
from tem_rf.evaluation.calibration import measure
from tem_rf.evaluation.evaluate import evaluate_run
from tem_rf.evaluation.inspection import inspect_dataset
from tem_rf.evaluation.trials import Results, read_results
from tem_rf.metrics.calibration import MarginHistogram
from tem_rf.metrics.scores import read_scores
from tem_rf.runs import RunFolder
from tem_rf.runs.calibration import Calibration, write_calibration
from tem_rf.runs.dataset import open_training_data
from tem_rf.runs.root import list_runs
from tem_rf.saved_models import SHIPPED_MODELS
from tem_rf.study.figures.catalogue import FIGURES, Entry, find_figures, write_figure
from tem_rf.study.figures.curves import training_curves
from tem_rf.study.figures.edges import most_contested_window
from tem_rf.study.figures.score import dice_by_particle_size, dilated_networks, score_against_field
from tem_rf.study.figures.selection import median_run, select_examples
from tem_rf.trust.record import TrustRecord
from tests.helpers.run_folders import write_run

OF_NUMBERS = [entry for entry in FIGURES if not entry.needs_networks]
OF_NETWORKS = [entry for entry in FIGURES if entry.needs_networks]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    tmp_path = tmp_path_factory.mktemp("runs")
    for dataset in ("au-5nm", "au $2_x$ <nm>"):
        for seed, dice in ((1, 0.7), (2, 0.8)):
            write_run(tmp_path, "n2-p22", seed, dice, dataset=dataset)
            write_run(tmp_path, "n2-p88", seed, dice + 0.1, dataset=dataset)
            write_run(tmp_path, "n3-p222", seed, dice + 0.05, dataset=dataset)
            write_run(tmp_path, "n2-p22-d124", seed, dice + 0.05, dataset=dataset)
    write_run(tmp_path, "n2-p44", 1, 0.75)
    write_run(tmp_path, "n2-p44", 2, state="failed")
    histogram = MarginHistogram()
    histogram.add(np.array([-9.0, -1.0, 1.0, 1.0, 9.0]), np.array([0, 0, 0, 1, 1]))
    for run in list_runs(tmp_path):
        if run.is_scored:
            measured = measure(histogram, 1, 2.0)
            write_calibration(run, Calibration(str(run.network_sha256), 2.0, measured, measured))
    shipped = TrustRecord.read(SHIPPED_MODELS / "hrtem")
    assert shipped is not None
    for run in list_runs(tmp_path)[:2]:
        shipped.write(run.path)
    return read_results(list_runs(tmp_path))


@pytest.fixture(scope="module")
def pictured(trained_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two seeds and an untrained run, on a real dataset; the networks are the same."""
    root = tmp_path_factory.mktemp("pictured")
    evaluate_run(trained_run, open_training_data(trained_run.config))
    for name, seed in (("first", 752), ("second", 753)):
        shutil.copytree(trained_run.path, root / name)
        config = RunFolder(root / name).config_file
        config.write_text(config.read_text().replace('"seed": 752', f'"seed": {seed}'))
    return read_results(list_runs(root))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_drawn(folder: Path, name: str) -> None:
    with Image.open(folder / f"{name}.png") as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.std() > 10
    assert np.median(pixels[0]) > 200 or name in {entry.name for entry in OF_NETWORKS}  # charts on a light background
    assert ET.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")
    assert rows_of(folder / f"{name}.csv")


@pytest.mark.parametrize("entry", OF_NUMBERS, ids=lambda entry: entry.name)
def test_each_figure_of_numbers_is_written_with_them(entry: Any, results: Results, tmp_path: Path) -> None:
    written = write_figure(tmp_path / "report", entry, results)
    assert not written.is_left_out
    assert_drawn(tmp_path / "report", entry.name)


def test_the_numbers_behind_the_figure_are_means_and_sd_of_the_trials(results: Results, tmp_path: Path) -> None:
    write_figure(tmp_path / "report", FIGURES[0], results)
    rows = {(row["dataset"], row["trial"]): row for row in rows_of(tmp_path / "report/dice.csv")}
    row = rows["au-5nm", "au-5nm-n2-p88"]
    assert (float(row["hard_dice"]), float(row["sd"])) == (pytest.approx(0.85), pytest.approx(0.0707107))
    assert (row["series"], row["field_px"], float(row["field_nm"])) == ("N = 2", "392", pytest.approx(7.84))
    assert rows["au-5nm", "au-5nm-n2-p44"]["is_complete"] == "False"
    assert not any("d124" in trial for _, trial in rows)


def test_names_from_files_are_no_formulas(results: Results, tmp_path: Path) -> None:
    write_figure(tmp_path, FIGURES[0], results)
    assert "au $2_x$ <nm>" in "".join(ET.parse(tmp_path / "dice.svg").getroot().itertext())


def test_depths_are_told_apart_by_colour_and_marker_and_bars_are_the_sd(results: Results) -> None:
    panel = score_against_field(results).draw().axes[0]
    series = {line.get_label(): line for line in panel.get_lines() if str(line.get_label()).startswith("N =")}
    assert set(series) == {"N = 2", "N = 3"}
    assert len({line.get_color() for line in series.values()}) == len({line.get_marker() for line in series.values()})
    assert len({line.get_marker() for line in series.values()}) == 2
    heights = [np.ptp(bars[0].get_segments()[0][:, 1]) for _, _, bars in panel.containers]
    assert heights == pytest.approx([2 * 0.0707107] * len(heights))
    assert len(heights) == 3  # this dataset has no trial that lacks a seed


def test_points_of_trials_that_lack_seeds_are_hollow(results: Results) -> None:
    panels = {axes.get_title(): axes for axes in score_against_field(results).draw().axes}
    faces = {points.get_xdata()[0]: points.get_markerfacecolor() for points, _, _ in panels["au-5nm"].containers}
    assert faces[120] == "white"  # n2-p44, whose second seed failed
    assert faces[44] != "white"


def test_dilated_networks_stand_beside_those_of_the_same_depth(results: Results) -> None:
    series = {row["series"] for row in dilated_networks(results).rows}
    assert series == {"N = 2, dilation 124", "N = 2, no dilation"}


def test_particle_sizes_are_those_of_the_dataset_and_left_out_where_it_is_gone(
    results: Results, pictured: Results
) -> None:
    assert re.search(r"No diameters for au \$2_x\$ <nm>: .* is not a dataset", dice_by_particle_size(results).caption)
    figure = dice_by_particle_size(pictured)
    bars = [row for row in figure.rows if row["panel"] == "histogram"]
    diameters = inspect_dataset(open_dataset(pictured.trials[0].config.dataset)).diameters_px * 0.02
    assert sum(row["particles"] for row in bars) == len(diameters) > 0
    assert (bars[0]["low_nm"], bars[-1]["high_nm"]) == (0, pytest.approx(diameters.max(), rel=1e-4))


def test_curves_are_means_over_the_seeds_that_came_as_far(tmp_path: Path) -> None:
    write_run(tmp_path, seed=1)
    write_run(tmp_path, seed=2, state="running")
    first, second = training_curves(read_results(list_runs(tmp_path)), "hard_dice").rows
    assert (first["epoch"], first["seeds"], first["validation_hard_dice"]) == (1, 2, pytest.approx(0.4))
    assert second["validation_hard_dice"] == pytest.approx(0.8)


def test_a_depth_that_a_dataset_was_not_trained_at_has_no_panel_of_curves(tmp_path: Path) -> None:
    write_run(tmp_path, "n2-p22", dataset="au-5nm")
    write_run(tmp_path, "n3-p222", dataset="au-2.2nm")
    panels = training_curves(read_results(list_runs(tmp_path)), "loss").draw().axes[:4]
    shown = {axes.get_title(): axes for axes in panels if axes.axison}
    assert set(shown) == {"au-2.2nm, N = 3", "au-5nm, N = 2"}
    assert all(axes.xaxis.get_tick_params()["labelbottom"] for axes in shown.values())


@pytest.mark.parametrize("entry", FIGURES, ids=lambda entry: entry.name)
def test_a_figure_with_nothing_to_show_says_why(entry: Any, tmp_path: Path) -> None:
    write_run(tmp_path / "runs", state=None)
    (tmp_path / f"{entry.name}.png").write_bytes(b"of an earlier report")
    written = write_figure(tmp_path, entry, read_results(list_runs(tmp_path / "runs")))
    assert written.is_left_out
    assert written.text.endswith(".")
    assert not (tmp_path / f"{entry.name}.png").exists()


@pytest.mark.parametrize("entry", OF_NETWORKS, ids=lambda entry: entry.name)
def test_figures_of_networks_are_drawn_once_and_kept_until_a_run_changes(
    entry: Any, pictured: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = write_figure(tmp_path, entry, pictured)
    assert not written.is_left_out
    assert_drawn(tmp_path, entry.name)

    def refuse(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(Entry, "make", refuse)
    assert write_figure(tmp_path, entry, pictured) == written
    (tmp_path / f"{entry.name}.svg").unlink()
    with pytest.raises(AssertionError, match="made again"):
        write_figure(tmp_path, entry, pictured)
    (tmp_path / f"{entry.name}.svg").touch()
    pictured.trials[0].runs[0].run.model_file.touch()
    with pytest.raises(AssertionError, match="made again"):
        write_figure(tmp_path, entry, pictured)
    pictured.trials[0].runs[0].run.scores_file.touch()  # as evaluated again, for the tests after this one


def test_example_segmentations_have_the_dice_that_evaluation_found(pictured: Results, tmp_path: Path) -> None:
    write_figure(tmp_path, find_figures(["segmentations"])[0], pictured)
    scores = read_scores(pictured.trials[0].runs[0].run.scores_file)
    dice = {(score.source, score.y_px, score.x_px): score.hard_dice for score in scores}
    for row in rows_of(tmp_path / "segmentations.csv"):
        found = dice[row["source"], int(row["y_px"]), int(row["x_px"])]
        assert float(row["hard_dice"]) == pytest.approx(found, abs=1e-6)


def test_edges_are_shown_where_the_masks_differ_along_the_label() -> None:
    label = np.zeros((64, 64), bool)
    label[40:60, 10:30] = True
    shifted = np.roll(label, 3, axis=1)
    far_away = np.zeros_like(label)
    far_away[:8, 50:64] = True  # a false particle, which is no edge
    rows, columns = most_contested_window([label | far_away, label, shifted], label, 24)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (24, 24)
    assert 30 <= rows.start <= 40
    assert far_away[rows, columns].sum() == 0


def test_edges_are_drawn_with_the_boundary_score_that_evaluation_found_of_the_patch(
    pictured: Results, tmp_path: Path
) -> None:
    write_figure(tmp_path, find_figures(["edges"])[0], pictured)
    (row,) = rows_of(tmp_path / "edges.csv")
    (chosen,) = select_examples(pictured)
    patch = chosen.dataset.patches[chosen.patches[-1]]
    scores = read_scores(median_run(pictured.trials[0]).run.scores_file)
    (expected,) = [
        score.boundary_f1
        for score in scores
        if (score.source, score.y_px, score.x_px) == (patch.source, patch.y_px, patch.x_px)
    ]
    assert float(row["boundary_f1"]) == pytest.approx(expected, abs=1e-6)


def test_what_seeds_miss_is_counted_over_all_of_them(pictured: Results, tmp_path: Path) -> None:
    write_figure(tmp_path, find_figures(["false-negatives"])[0], pictured)
    (row, *_) = [row for row in rows_of(tmp_path / "false-negatives.csv") if row["method"] != "Fourier filtering"]
    assert row["seeds"] == "2"
    assert 0 <= float(row["false_negative_fraction"]) <= 1


def test_networks_and_patches_of_the_pictures_are_chosen_by_field_and_dice(pictured: Results) -> None:
    (chosen,) = select_examples(pictured)
    assert [trial.name for trial in chosen.trials] == [pictured.trials[0].name]
    assert set(chosen.patches) <= set(chosen.dataset.indices("test"))


def test_the_median_seed_is_shown(tmp_path: Path) -> None:
    for seed, dice in ((1, 0.9), (2, 0.2), (3, 0.7)):
        write_run(tmp_path, seed=seed, dice=dice)
    (trial,) = read_results(list_runs(tmp_path)).trials
    assert median_run(trial).config.seed == 3


def test_the_maps_of_runs_that_were_tried_are_side_by_side(results: Results, tmp_path: Path) -> None:
    write_figure(tmp_path, find_figures(["robustness"])[0], results)
    rows = rows_of(tmp_path / "robustness.csv")
    assert len(rows) == 2 * (16 + 7)
    record = TrustRecord.read(SHIPPED_MODELS / "hrtem")
    assert record is not None
    assert [float(row["dice"]) for row in rows[:4]] == list(record.maps[0].dice[0])


def test_an_unknown_figure_is_refused() -> None:
    with pytest.raises(SettingsError, match="figure 'art': expected one of dice, particle-sizes"):
        find_figures(["art"])


def test_the_reliability_is_that_of_the_pixels_of_all_seeds(results: Results, tmp_path: Path) -> None:
    write_figure(tmp_path, find_figures(["reliability"])[0], results)
    rows = [row for row in rows_of(tmp_path / "reliability.csv") if row["trial"] == "au-5nm-n2-p22"]
    assert [row["temperature"] for row in rows] == ["before"] * 15 + ["after"] * 15
    assert {row["bin"]: (row["pixels"], row["particles"]) for row in rows[:15] if row["pixels"] != "0"} == {
        "1": ("2", "0"), "5": ("2", "0"), "11": ("4", "2"), "15": ("2", "2"),
    }  # fmt: skip
    assert sum(int(row["pixels"]) for row in rows[15:]) == 10
