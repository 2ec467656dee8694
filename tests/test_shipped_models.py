"""The models in saved_models/: small, described, found without being named, and good on a micrograph of their kind."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.simulation.micrograph import simulate_micrograph
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import ModelError
from tem_rf.inference.card import ModelCard
from tem_rf.inference.model import load_segmenter
from tem_rf.inference.model_choice import choose_model
from tem_rf.inference.predict import segment_micrograph
from tem_rf.metrics.dice import hard_dice
from tem_rf.saved_models import CARD_NAME, SHIPPED_MODELS, models_or_shipped

MAX_BYTES = 2_000_000
KINDS = {"au-hrtem": ("au-5nm", 0.85), "bright-field": ("au-20nm-lowres", 0.9), "hrtem": ("ag-5nm", 0.85)}
ONLY_BY_NAME = {"hrtem": "au-hrtem"}  # of equal pixel sizes, the second is selected


@pytest.fixture(params=sorted(KINDS))
def shipped(request: pytest.FixtureRequest) -> Path:
    return SHIPPED_MODELS / request.param


def test_a_shipped_model_is_small(shipped: Path) -> None:
    assert sum(file.stat().st_size for file in shipped.rglob("*") if file.is_file()) < MAX_BYTES


def test_the_card_names_data_seeds_scores_limits_and_the_command(shipped: Path) -> None:
    card = ModelCard.read(shipped)
    assert card.name == shipped.name
    assert card.purpose
    assert card.limits
    assert card.made_by == f"python saved_models/make.py {shipped.name}"
    assert len(card.seeds) >= 3
    assert card.seed == max(card.seeds, key=lambda one: one.validation_hard_dice).seed
    assert all(one.kind == "simulated" and one.dose_e_per_angstrom2 for one in card.micrographs)
    assert len({one.diameter_nm for one in card.micrographs}) >= 4
    assert {one.kind for one in card.held_out} >= {"simulated"}
    page = (shipped / "README.md").read_text()
    for title in ("Use", "Hard dice", "Data", "Recipe", "Limits", "Files"):
        assert f"## {title}" in page


def test_a_shipped_model_finds_the_particles_of_its_kind(shipped: Path) -> None:
    preset, minimum = KINDS[shipped.name]
    segmenter = load_segmenter(shipped)
    scores = []
    for seed in (7001, 7002, 7003):
        simulated = simulate_micrograph(simulation_settings(preset, size_px=512), seed=seed)
        micrograph = Micrograph(simulated.pixels, simulated.pixel_size_nm)
        mask = segment_micrograph(segmenter, micrograph).mask
        scores.append(hard_dice(mask[None], simulated.mask[None])[0])
    assert np.mean(scores) > minimum


def test_a_micrograph_of_its_pixel_size_finds_it_where_there_is_no_other_model(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "saved_models").mkdir()
    monkeypatch.chdir(tmp_path)
    pixel_size_nm = ModelCard.read(shipped).pixel_size_nm
    write_tiff(tmp_path / "a.tif", np.zeros((8, 8), np.uint16), pixel_size_nm=pixel_size_nm * 1.1)
    expected = ONLY_BY_NAME.get(shipped.name, shipped.name)
    assert choose_model(tmp_path / "a.tif", models_or_shipped()).name == expected


@pytest.mark.parametrize(
    "change",
    [
        {"pixel_size_nm": 0},
        {"pixel_size_nm": -0.02},
        {"architecture": {"pooling_sequence": [2], "kernel_size": 4}},
        {"schema_version": 99},
    ],
)
def test_a_card_that_cannot_be_hinders_the_choice_of_no_other_model(
    change: dict[str, Any], shipped: Path, tmp_path: Path
) -> None:
    card = json.loads((shipped / CARD_NAME).read_text())
    for name, content in (("good", card), ("bad", card | change)):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / CARD_NAME).write_text(json.dumps(content))
    write_tiff(tmp_path / "a.tif", np.zeros((8, 8), np.uint16), pixel_size_nm=card["pixel_size_nm"])
    assert choose_model(tmp_path / "a.tif", tmp_path / "models").name == "good"
    with pytest.raises(ModelError, match=CARD_NAME):
        ModelCard.read(tmp_path / "models" / "bad")


def test_a_local_model_is_preferred_to_those_that_ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert models_or_shipped() == SHIPPED_MODELS
    (tmp_path / "saved_models" / "mine").mkdir(parents=True)
    assert models_or_shipped() == SHIPPED_MODELS
    (tmp_path / "saved_models" / "mine" / CARD_NAME).touch()
    assert models_or_shipped() == Path("saved_models")
