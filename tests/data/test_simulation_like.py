"""Appearance of micrographs in numbers, and presets fitted to real ones."""

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tem_rf.cli.app import app
from tem_rf.config.simulation import simulation_settings
from tem_rf.data.simulation import like
from tem_rf.data.simulation.appearance import BANDS_PER_NM, measure_appearance
from tem_rf.data.simulation.like import fit_preset
from tem_rf.data.simulation.recorded import measure_micrographs
from tem_rf.data.simulation.simulate import simulate_micrographs
from tem_rf.data.simulation.transmission import lost_beyond
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import DatasetError, SettingsError
from tem_rf.jobs.simulate import SimulateRequest

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


TRUTH = simulation_settings(
    size_px=256, diameter_nm=2.0, dose_e_per_angstrom2=100.0, particle_count=2, touching=0, small_particles=0,
    defocus_nm=30.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four labelled micrographs."""
    folder = tmp_path_factory.mktemp("own") / "real"
    simulate_micrographs(TRUTH, folder, count=4, seed=3, workers=1)
    return folder


@pytest.fixture
def fewer_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit with one trial of half the dose, of the size of the micrographs: what is tried is tested elsewhere."""
    monkeypatch.setattr(like, "_STEPS", (("dose_e_per_angstrom2", (0.5,), True), ("acceptance_mrad", (40.0,), False)))
    monkeypatch.setattr(like, "PATCH_PX", 256)


def test_a_preset_is_fitted_to_micrographs_and_gives_their_sizes_and_dose(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(like, "PATCH_PX", 256)
    seen = []
    found = fit_preset(real, tmp_path / "mine.json", count=1, seed=50, progress=lambda *done: seen.append(done))
    assert seen[-1] == (31, 31)
    assert found.diameter_nm == pytest.approx(2.0, abs=0.3)
    assert found.pixel_size_nm == pytest.approx(TRUTH.pixel_size_nm, rel=1e-3)
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
        (json.dumps({"size_px": 10**4000}), "size_px"),
        ('{"dose_e_per_angstrom2": 1e999}', "dose_e_per_angstrom2"),
        ('{"dose_e_per_angstrom2": NaN}', "dose_e_per_angstrom2"),
        (json.dumps({"dose_e_per_angstrom2": "x" * 90_000}), "dose_e_per_angstrom2"),
        (json.dumps({"x" * 90_000: 1}), "xxx"),
        (json.dumps({"carbon_nm": [1] * 1000}), "carbon_nm"),
        (json.dumps({"carbon_nm": {"low": 1}}), "carbon_nm"),
        (json.dumps({"material": ["Au"]}), "material"),
        ('{"dose_e_per_angstrom2": ' + "[" * 900 + "]" * 900 + "}", "dose_e_per_angstrom2"),
    ],
)
def test_a_bad_preset_file_is_refused_in_one_line(tmp_path: Path, text: str, message: Any) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        simulation_settings(str(tmp_path / "bad.json"))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 3000


def test_a_preset_file_that_is_missing_or_never_ends_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        simulation_settings(str(tmp_path / "none.json"))
    (tmp_path / "endless.json").symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match="is no regular file"):
        simulation_settings(str(tmp_path / "endless.json"))


def test_the_command_fits_a_preset_and_simulates_by_it(real: Path, tmp_path: Path, fewer_trials: None) -> None:
    preset, run = str(tmp_path / "mine.json"), CliRunner().invoke
    result = run(app, ["simulate", "--like", str(real), "--output", preset, "--carbon-nm", "1:1", "--json"])
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)["settings"]
    assert found["carbon_nm"] == [1.0, 1.0]  # given, so kept
    assert found["diameter_nm"] == pytest.approx(2.0, abs=0.5)
    again = run(app, ["simulate", "--like", str(real), "--output", preset])
    assert isinstance(again.exception, SettingsError)
    assert "exists" in str(again.exception)
    size = ["--size-px", "128", "--count", "1", "--workers", "1", "--output", str(tmp_path / "simulated")]
    assert run(app, ["simulate", preset, *size]).exit_code == 0


def test_micrographs_without_masks_give_film_and_dose_but_no_sizes(
    real: Path, tmp_path: Path, fewer_trials: None
) -> None:
    shutil.copytree(real / "images", tmp_path / "bare")
    found = fit_preset(tmp_path / "bare", tmp_path / "bare.json", count=1)
    usual = simulation_settings("au-5nm")
    assert (found.diameter_nm, found.acceptance_mrad) == (usual.diameter_nm, usual.acceptance_mrad)
    assert found.dose_e_per_angstrom2 != usual.dose_e_per_angstrom2


def test_one_mask_among_many_micrographs_is_enough_for_sizes(real: Path, tmp_path: Path) -> None:
    shutil.copytree(real, tmp_path / "some")
    _, *others = sorted((tmp_path / "some" / "labels").iterdir())
    for other in others:
        other.unlink()
    found = measure_micrographs(tmp_path / "some")
    assert len(found.appearances) == 1 + len(others)
    assert [np.isfinite(one.contrast) for one in found.appearances] == [True] + [False] * len(others)
    assert found.diameters_nm


def test_folders_that_nothing_can_be_fitted_to_are_refused_in_one_line(real: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "constant").mkdir()
    write_tiff(tmp_path / "constant" / "a.tif", np.ones((64, 64), np.uint16), pixel_size_nm=0.02)
    (tmp_path / "plain").mkdir()
    Image.fromarray(np.eye(64, dtype=np.uint8)).save(tmp_path / "plain" / "a.png")
    expected = {
        "none": "is no folder",
        "empty": "no micrographs",
        "constant": "no micrograph can be measured",
        "plain": "a.png: does not give its pixel size; give it with `pixel_size_nm`",
    }
    for name, message in expected.items():
        with pytest.raises(DatasetError, match=message) as caught:
            fit_preset(tmp_path / name, tmp_path / "x.json")
        assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError, match="real: what its files and labels show cannot be simulated"):
        fit_preset(real, tmp_path / "x.json", pixel_size_nm=7.0)
    with pytest.raises(SettingsError, match=r"expected a \.json file"):
        SimulateRequest.build(like=real, output=tmp_path / "x").fitted_preset  # noqa: B018
    assert not (tmp_path / "x.json").exists()


LOW_RESOLUTION = simulation_settings(
    "au-20nm-lowres", size_px=256, diameter_nm=7.0, coverage=0.2, small_particles=0, touching=0, defocus_nm=250.0,
    image_spread_nm=0.3, dose_e_per_angstrom2=30.0,
)  # fmt: skip


def test_apertures_that_are_tried_differ_in_what_they_take_out_of_the_image() -> None:
    for pixel_size_nm in (0.06, 0.1243, 0.2):
        settings = LOW_RESOLUTION.model_copy(update={"pixel_size_nm": pixel_size_nm})
        tried = next(v for name, v, _ in like._steps(settings) if name == "objective_aperture_mrad")
        edges = [lost_beyond(settings.model_copy(update={"objective_aperture_mrad": angle})) for angle in tried]
        assert len(edges) >= 3
        assert all(one < other * 0.99 for one, other in pairwise(edges))


def test_a_fit_at_low_resolution_finds_focus_and_blur_by_the_edge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(like, "_STEPS", (("acceptance_mrad", (40.0,), False),))
    monkeypatch.setattr(like, "PATCH_PX", 256)
    simulate_micrographs(LOW_RESOLUTION, tmp_path / "real", count=3, seed=3, workers=1)
    held = {"dose_e_per_angstrom2": 30.0, "size_px": 256, "objective_aperture_mrad": 10.0}
    found = fit_preset(tmp_path / "real", tmp_path / "mine.json", preset="au-20nm-lowres", held=held, count=3, seed=50)
    assert found.defocus_nm == pytest.approx((175, 325), rel=0.01)  # 30 % on either side of 250
    assert found.image_spread_nm[0] <= 0.3 <= found.image_spread_nm[1]
    assert found.diameter_nm == pytest.approx(7.0, abs=0.7)
    assert simulation_settings(str(tmp_path / "mine.json")).mask_height == 0.5


def test_a_setting_is_kept_where_it_is_given_even_if_the_preset_has_it() -> None:
    request = SimulateRequest.build(preset="au-20nm-lowres", like="x", pixel_size_nm=0.1243, carbon_nm="4:6")
    assert request.given == {"pixel_size_nm": 0.1243, "carbon_nm": (4.0, 6.0)}
