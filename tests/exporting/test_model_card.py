"""What is written about a model that is given away."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.config.simulation import simulation_settings
from tem_rf.data.simulation.simulate import simulate_micrographs
from tem_rf.errors import ModelError
from tem_rf.exporting.best_seed import best_seed, seed_scores
from tem_rf.exporting.card_notes import CardNotes
from tem_rf.exporting.card_page import card_page
from tem_rf.exporting.export import export_run
from tem_rf.exporting.micrographs import describe_micrographs, score_held_out
from tem_rf.inference.card import HeldOutScores, MicrographSet, ModelCard, SeedScores
from tem_rf.inference.model import load_segmenter
from tem_rf.runs.events import EpochEvent
from tem_rf.runs.folder import RunFolder
from tests.helpers.command import tem_rf
from tests.helpers.labelled_folder import write_folder

HELD_OUT = HeldOutScores(
    name="film A", kind="measured", micrographs=3, hard_dice=0.91234, hard_dice_sd=0.02, min_hard_dice=0.87
)


def run_of_seed(like: RunFolder, path: Path, seed: int, validation: float, **changes: Any) -> RunFolder:
    config = like.config.model_copy(update={"seed": seed, **changes})
    run = RunFolder.create_or_open(path, config)
    epoch = next(event for event in like.events() if isinstance(event, EpochEvent))
    run.event_log().write(epoch.model_copy(update={"validation_hard_dice": validation}))
    return run


def test_the_best_seed_in_validation_is_taken(trained_run: RunFolder, tmp_path: Path) -> None:
    runs = [run_of_seed(trained_run, tmp_path / str(seed), seed, dice) for seed, dice in ((1, 0.7), (2, 0.9), (3, 0.8))]
    assert best_seed(runs).config.seed == 2
    assert [(one.seed, one.validation_hard_dice) for one in seed_scores(runs)] == [(1, 0.7), (2, 0.9), (3, 0.8)]


def test_runs_that_differ_in_more_than_their_seed_are_refused(trained_run: RunFolder, tmp_path: Path) -> None:
    other = run_of_seed(trained_run, tmp_path / "other", 2, 0.9, pixel_size_nm=0.1)
    with pytest.raises(ModelError, match="differ in pixel_size_nm"):
        best_seed([trained_run, other])


def test_held_out_micrographs_are_segmented_whole(trained_run: RunFolder, tmp_path: Path) -> None:
    scores = score_held_out(load_segmenter(trained_run.path), write_folder(tmp_path / "raw", 2), name="discs")
    assert (scores.name, scores.kind, scores.micrographs) == ("discs", "measured", 2)
    assert scores.min_hard_dice <= scores.hard_dice
    assert scores.hard_dice > 0.8


def test_held_out_micrographs_are_scored_at_the_pixel_size_of_a_network_that_rescales(
    trained_run: RunFolder, tmp_path: Path
) -> None:
    preprocessing = PreprocessingSettings(target_pixel_size_nm=0.04)
    segmenter = replace(load_segmenter(trained_run.path), preprocessing=preprocessing)
    folder = write_folder(tmp_path / "raw", 2, pixel_size_nm=0.02)
    assert 0 < score_held_out(segmenter, folder, name="discs").hard_dice < 1


def test_simulated_folders_are_described_by_what_was_simulated(trained_run: RunFolder, tmp_path: Path) -> None:
    settings = simulation_settings("au-2.2nm", size_px=64, diameter_nm=1, dose_e_per_angstrom2=100)
    simulate_micrographs(settings, tmp_path / "simulated", count=1, seed=1, workers=1)
    assert score_held_out(load_segmenter(trained_run.path), tmp_path / "simulated", name="x").kind == "simulated"
    (described,) = describe_micrographs(trained_run.config)
    assert (described.name, described.kind, described.micrographs) == ("raw", "measured", 6)
    for change in ({"dataset": tmp_path / "gone"}, {"dataset_sha256": "0" * 64}):
        assert describe_micrographs(trained_run.config.model_copy(update=change)) == ()


def test_the_page_says_what_the_card_says(trained_run: RunFolder, tmp_path: Path) -> None:
    remarks = CardNotes(
        license="MIT",
        purpose="Finds discs.",
        limits=("Not for squares.",),
        made_by="make discs",
        seeds=(SeedScores(seed=752, validation_hard_dice=0.95, test_hard_dice=0.94),),
        held_out=(HELD_OUT,),
    )
    export_run(trained_run, tmp_path / "discs", notes=remarks)
    card = ModelCard.read(tmp_path / "discs")
    assert card.held_out == (HELD_OUT,)
    page = (tmp_path / "discs" / "README.md").read_text()
    for said in (
        "# discs", "Finds discs.", "- Not for squares.", "`make discs`", "**752** (this model) | 0.950 | 0.940",
        "| film A | measured | 3 | 0.912 ± 0.020 | 0.870 |", "Receptive field 44 px, 0.88 nm", "pixel size: 0.02 nm",
        "| raw | measured | 6 |", "License: MIT",
    ):  # fmt: skip
        assert said in page
    simulated = MicrographSet(kind="simulated", name="s", micrographs=1, patches=4, dose_e_per_angstrom2=100)
    assert "dose: 100 to 100 e/Å²" in card_page(card.model_copy(update={"micrographs": (simulated,)}))


def test_a_new_format_keeps_what_the_maker_said(
    trained_run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "discs"
    said = ("--purpose", "Finds discs.", "--limit", "Not for squares.", "--license", "MIT")
    assert tem_rf(capfd, monkeypatch, "export", trained_run.path, "--output", folder, *said).code == 0
    assert tem_rf(capfd, monkeypatch, "export", trained_run.path, "--output", folder, "--format", "keras").code == 0
    card = ModelCard.read(folder)
    assert (card.purpose, card.limits, card.license) == ("Finds discs.", ("Not for squares.",), "MIT")


def test_held_out_without_a_name_is_refused(
    trained_run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tem_rf(capfd, monkeypatch, "export", trained_run.path, "--output", tmp_path / "m", "--held-out", "folder")
    assert result.code == 2
    assert "--held-out: expected NAME=FOLDER, received 'folder'." in result.stderr
    assert not (tmp_path / "m").exists()
