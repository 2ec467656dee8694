"""Masks that end within a particle's blurred edge, as people label micrographs of low resolution."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf.config.simulation import PRESETS, simulation_settings
from tem_rf.data.simulation.appearance import EDGE_PX, measure_appearance
from tem_rf.data.simulation.conditions import draw_conditions
from tem_rf.data.simulation.drawn_mask import particle_mask
from tem_rf.data.simulation.micrograph import simulate_micrograph
from tem_rf.data.simulation.scattering import CARBON, GOLD
from tem_rf.data.simulation.simulate import simulate_micrographs
from tem_rf.data.simulation.specimen import Field, Particle
from tem_rf.errors import DatasetError

LOW_RESOLUTION = "au-20nm-lowres"
RADIUS_NM = 5.0
ATOMS_PER_NM3 = 59.0


def gold(shape: str) -> Particle:
    """A sphere, or a disc of even thickness, of gold atoms at random in the middle of a patch."""
    rng = np.random.default_rng(0)
    half_nm = RADIUS_NM if shape == "sphere" else 1.0
    atoms = rng.uniform(-1, 1, (round(ATOMS_PER_NM3 * 8 * RADIUS_NM**2 * half_nm), 3)) * [RADIUS_NM, RADIUS_NM, half_nm]
    reach = np.linalg.norm(atoms if shape == "sphere" else atoms[:, :2], axis=1)
    atoms = atoms[reach < RADIUS_NM] + 2 * RADIUS_NM
    species = np.zeros(len(atoms), dtype=int)
    patch_px = round(4 * RADIUS_NM / 0.1243)
    return Particle((0, 0), 2 * RADIUS_NM, atoms, species, (GOLD, CARBON), (0, 0), patch_px, 1.0, np.eye(3))


def radius_of_mask(shape: str, **changes: Any) -> float:
    """Radius of a disc as large as the mask [nm]."""
    settings = simulation_settings(LOW_RESOLUTION, **changes)
    field = Field(size_px=512, margin_px=0, micrograph_px=512, pixel_size_nm=settings.pixel_size_nm)
    mask = particle_mask(gold(shape), settings, draw_conditions(settings, 0), field)
    return float(np.sqrt(mask.sum() / np.pi) * settings.pixel_size_nm)


def test_only_presets_of_low_resolution_end_masks_within_the_edge() -> None:
    heights = {preset: simulation_settings(preset).mask_height for preset in PRESETS}
    assert heights == {preset: 0.5 if "lowres" in preset else 0.0 for preset in PRESETS}


def test_the_mask_of_an_even_disc_ends_where_its_atoms_do_however_blurred() -> None:
    for spread in (0.0, 0.3, 0.6):
        assert radius_of_mask("disc", image_spread_nm=spread) == pytest.approx(RADIUS_NM, rel=0.02)


def test_the_mask_of_a_sphere_ends_where_half_of_its_median_thickness_is() -> None:
    # The median thickness is that at 0.707 R, 1.414 R; half of it is reached at sqrt(1 - 0.354²) R = 0.935 R.
    found = radius_of_mask("sphere", image_spread_nm=0, convergence_mrad=0, detector_blur_px=0, acceptance_mrad=500)
    assert found == pytest.approx(0.935 * RADIUS_NM, rel=0.02)
    assert radius_of_mask("sphere", mask_height=0) == pytest.approx(RADIUS_NM + 0.1, rel=0.03)


def test_a_lower_height_makes_a_wider_mask() -> None:
    radii = [radius_of_mask("sphere", mask_height=height) for height in (0.8, 0.5, 0.2)]
    assert radii == sorted(radii)
    assert radii[-1] > radii[0] + 0.3


def test_edges_of_low_resolution_are_blurred_and_labelled_at_half_height() -> None:
    settings = simulation_settings(LOW_RESOLUTION, size_px=384, diameter_nm=8.0, coverage=0.2, dose_e_per_angstrom2=16)
    profiles = []
    for seed in range(3):
        micrograph = simulate_micrograph(settings, seed=seed)
        np.testing.assert_array_equal(micrograph.instances > 0, micrograph.mask)
        profiles.append(measure_appearance(micrograph.pixels, micrograph.mask, settings.pixel_size_nm).edge)
    profile = dict(zip(EDGE_PX, np.mean(profiles, axis=0), strict=True))
    # On 20 labelled frames of sintering particles: 0.19, 0.51 and 0.93.
    assert profile[-4] == pytest.approx(0.19, abs=0.12)
    assert profile[0] == pytest.approx(0.51, abs=0.1)
    assert profile[4] == pytest.approx(0.93, abs=0.12)


def test_the_profile_of_an_edge_is_that_which_was_drawn() -> None:
    distance = np.hypot(*(np.mgrid[:256, :256] - 127.5)) - 60.0
    image = np.clip(0.5 + distance / 8, 0, 1)  # from particle to film in 8 px
    found = measure_appearance(100 - 30 * (1 - image), distance < 0, 0.1)
    np.testing.assert_allclose(found.edge, np.clip(0.5 + np.array(EDGE_PX) / 8, 0, 1), atol=0.08)
    assert np.isnan(measure_appearance(image, None, 0.1).edge).all()
    assert np.isnan(measure_appearance(image, distance < -48, 0.1).edge).all()  # too small to have an inside


def test_a_folder_from_before_the_setting_is_continued_only_if_its_masks_end_at_the_last_atom(tmp_path: Path) -> None:
    settings = simulation_settings(size_px=64, diameter_nm=1.2, particle_count=1, carbon_nm=1.0)
    simulate_micrographs(settings, tmp_path, count=1, seed=5, workers=1)
    record = json.loads((tmp_path / "simulation.json").read_text())
    del record["settings"]["mask_height"]
    (tmp_path / "simulation.json").write_text(json.dumps(record))
    with pytest.raises(DatasetError, match=r"mask_height is 0\.0, not 0\.5"):
        simulate_micrographs(settings.model_copy(update={"mask_height": 0.5}), tmp_path, count=1, seed=5, workers=1)
    assert len(simulate_micrographs(settings, tmp_path, count=2, seed=5, workers=1)) == 2
