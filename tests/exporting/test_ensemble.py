"""The networks of a cross-validation become one model that averages them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tem_rf import Architecture, build_unet
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.errors import ModelError
from tem_rf.exporting.folder import write_model_folder
from tem_rf.exporting.formats import formats_named
from tem_rf.inference.card import FieldOfView, ModelCard
from tem_rf.inference.model import load_segmenter
from tem_rf.models.ensemble import build_ensemble
from tem_rf.models.probability import particle_probability
from tem_rf.training.starting_point import find_starting_point

ARCHITECTURE = Architecture((2,))
IMAGES = np.random.default_rng(0).normal(size=(2, 12, 16, 1)).astype(np.float32)


def networks() -> list[keras.Model]:
    return [build_unet(ARCHITECTURE, seed=seed) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ensemble") / "model"
    card = ModelCard(
        name="model",
        architecture=ARCHITECTURE,
        parameters=3 * ARCHITECTURE.parameters,
        receptive_field=FieldOfView.of(ARCHITECTURE, 0.1),
        stride_px=2,
        pixel_size_nm=0.1,
        preprocessing=PreprocessingSettings(normalization="robust"),
        done_before=[],
        members=3,
        made_with={},
    )
    write_model_folder(build_ensemble(networks()), card, folder, formats_named("keras"))
    return folder


def expected() -> Any:
    return np.mean([particle_probability(np.asarray(one(IMAGES, training=False))) for one in networks()], axis=0)


def test_its_probability_is_the_mean_of_its_members() -> None:
    logits = np.asarray(build_ensemble(networks())(IMAGES, training=False))
    np.testing.assert_allclose(particle_probability(logits), expected(), atol=1e-5)
    assert np.ptp([particle_probability(np.asarray(one(IMAGES))) for one in networks()], axis=0).max() > 0.01


def test_tem_rf_reads_it_back(model: Path) -> None:
    logits = load_segmenter(model).logits(IMAGES)
    np.testing.assert_allclose(particle_probability(logits), expected(), atol=1e-5)


def test_keras_alone_reads_it_back(model: Path) -> None:
    logits = np.asarray(keras.saving.load_model(model / "model.keras")(IMAGES, training=False))
    np.testing.assert_allclose(particle_probability(logits), expected(), atol=1e-5)


def test_no_training_starts_from_it(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="averages 3 networks, of which no single one can be trained further"):
        find_starting_point(str(model), tmp_path)


def test_a_card_that_claims_other_members_is_refused(model: Path, tmp_path: Path) -> None:
    from shutil import copytree

    folder = Path(copytree(model, tmp_path / "claims"))
    card = folder / "model.json"
    card.write_text(card.read_text().replace('"members": 3', '"members": 4'))
    with pytest.raises(ModelError, match=r"expected the variables of 4 networks|of weights, but its network"):
        load_segmenter(folder)


def test_the_card_says_so(model: Path) -> None:
    page = (model / "README.md").read_text()
    assert "The mean probability of 3 residual UNets, trained on different seeds" in page
