"""Appearance of micrographs in numbers, and presets fitted to real ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.simulation.appearance import BANDS_PER_NM, measure_appearance
from tem_rf.data.simulation.like import fit_preset
from tem_rf.data.simulation.simulate import simulate_micrographs
from tem_rf.errors import DatasetError, SettingsError

DISC = np.hypot(*(np.mgrid[:256, :256] - 128)) < 60


def test_contrast_and_sd_ratio_are_those_that_were_put_in() -> None:
    noise = np.random.default_rng(0).normal(size=DISC.shape)
    image = np.where(DISC, 2 * noise - 1, noise)
    found = measure_appearance(image, DISC, 0.02)
    assert found.contrast == pytest.approx(-1 / image.std(), rel=0.05)
    assert found.sd_ratio == pytest.approx(2, rel=0.05)


def test_white_noise_has_the_power_1_in_every_band_and_none_is_made_up_above_nyquist() -> None:
    noise = np.random.default_rng(0).normal(size=(512, 512))
    found = measure_appearance(noise, np.pad(DISC, 128), 0.05)
    inside = [high <= 10 for _, high in BANDS_PER_NM]
    np.testing.assert_array_equal(np.isfinite(found.power), inside)
    np.testing.assert_allclose(np.array(found.power)[inside][1:], 1, atol=0.2)


@pytest.mark.parametrize(
    ("image", "mask", "message"),
    [(np.ones((64, 64)), np.eye(64) > 0, "64 pixels of particle"), (np.ones(DISC.shape), DISC, "is constant")],
)
def test_an_image_that_cannot_be_measured_is_refused(image: Any, mask: Any, message: Any) -> None:
    with pytest.raises(DatasetError, match=message):
        measure_appearance(image, mask, 0.02)


def test_a_preset_is_fitted_to_micrographs_and_gives_their_sizes_and_dose(tmp_path: Path) -> None:
    truth = simulation_settings(
        size_px=256, diameter_nm=2.0, dose_e_per_angstrom2=100.0, particle_count=2, touching=0, small_particles=0,
        defocus_nm=30.0,
    )  # fmt: skip
    simulate_micrographs(truth, tmp_path / "real", count=4, seed=3, workers=1)
    seen = []
    found = fit_preset(
        tmp_path / "real", tmp_path / "mine.json", count=1, seed=50, progress=lambda *done: seen.append(done)
    )
    assert seen[-1] == (29, 29)
    assert found.diameter_nm == pytest.approx(2.0, abs=0.3)
    assert found.pixel_size_nm == pytest.approx(truth.pixel_size_nm, rel=1e-3)
    assert 30 <= found.dose_e_per_angstrom2 <= 300
    again = simulation_settings(str(tmp_path / "mine.json"))
    assert again.model_dump(exclude={"preset"}) == found.model_dump(exclude={"preset"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no preset in JSON"),
        ("[" * 5000, "is no preset in JSON"),
        ("[1]", "expected an object of settings"),
        (json.dumps({"preset": "x"}), "expected an object of settings"),
        (json.dumps({"preset": []}), "expected an object of settings"),
        (json.dumps({"colour": 1}), "colour"),
        (json.dumps({"dose_e_per_angstrom2": -1}), "dose_e_per_angstrom2"),
        (" " * 200_000, "200000 bytes"),
    ],
)
def test_a_bad_preset_file_is_refused_in_one_line(tmp_path: Path, text: str, message: Any) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        simulation_settings(str(tmp_path / "bad.json"))
    assert "\n" not in str(caught.value)


def test_a_preset_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        simulation_settings(str(tmp_path / "none.json"))
