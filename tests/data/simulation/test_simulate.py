"""Simulated micrographs: repeatable, honest about their particles, resumed and never mixed."""

import csv
import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from scipy.spatial import KDTree
from typer.testing import CliRunner

from tem_rf.cli.app import app
from tem_rf.config.simulation import PRESETS, simulation_settings
from tem_rf.data.labels import read_label
from tem_rf.data.pairing import pair_labels
from tem_rf.data.readers import read_micrograph
from tem_rf.data.simulation.conditions import random_stream
from tem_rf.data.simulation.folder import SimulationFolder
from tem_rf.data.simulation.scattering import CARBON
from tem_rf.data.simulation.simulate import simulate_micrograph, simulate_micrographs
from tem_rf.data.simulation.specimen import Field, Particle, scatter_particles
from tem_rf.errors import DatasetError, SettingsError

SMALL = simulation_settings(size_px=128, diameter_nm=1.2, particle_count=1, carbon_nm=1.0)


@pytest.fixture(scope="module")
def micrograph() -> Any:
    return simulate_micrograph(SMALL, seed=3)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_load_and_keep_their_name(preset: Any) -> None:
    assert simulation_settings(preset).preset == preset


def test_one_seed_gives_the_same_pixels_and_another_seed_others(micrograph: Any) -> None:
    again, other = (simulate_micrograph(SMALL, seed=seed) for seed in (3, 4))
    np.testing.assert_array_equal(micrograph.pixels, again.pixels)
    np.testing.assert_array_equal(micrograph.mask, again.mask)
    assert not np.array_equal(micrograph.pixels, other.pixels)
    assert not np.array_equal(micrograph.mask, other.mask)


def test_another_dose_leaves_the_specimen_as_it_is(micrograph: Any) -> None:
    dim = simulate_micrograph(SMALL.model_copy(update={"dose_e_per_angstrom2": 50.0}), seed=3)
    np.testing.assert_array_equal(micrograph.mask, dim.mask)
    assert micrograph.conditions == dim.conditions
    assert dim.pixels.mean() < 0.3 * micrograph.pixels.mean()


def test_noise_follows_the_seed_and_not_the_numbers_that_made_the_specimen() -> None:
    empty = SMALL.model_copy(update={"particle_count": 0, "carbon_nm": (0.0, 0.0)})
    one, two = (simulate_micrograph(empty, seed=seed).pixels for seed in (1, 2))
    assert not np.array_equal(one, two)
    streams = [random_stream(1, part).random() for part in ("conditions", "specimen", "detector")]
    assert len(set(streams)) == 3


def test_the_background_has_the_counts_of_the_dose(micrograph: Any) -> None:
    electrons = SMALL.dose_e_per_angstrom2 * (SMALL.pixel_size_nm * 10) ** 2
    expected = SMALL.offset_counts + SMALL.counts_per_electron * electrons
    assert micrograph.pixels.mean() == pytest.approx(expected, rel=0.03)


def test_particles_are_where_the_table_says() -> None:
    settings = simulation_settings(size_px=384, diameter_nm=1.6, diameter_spread=0, particle_count=4, carbon_nm=0.5)
    settings = settings.model_copy(update={"touching": 0.0, "small_particles": 0.0})
    micrograph = simulate_micrograph(settings, seed=2)
    area = sum(particle.area_px for particle in micrograph.particles)
    assert micrograph.mask.sum() == area  # none overlap
    for particle in micrograph.particles:
        assert micrograph.mask[round(particle.row_px), round(particle.column_px)]
        assert particle.area_px <= 1.05 * np.pi / 4 * (1.6 / settings.pixel_size_nm) ** 2
    np.testing.assert_array_equal(micrograph.instances > 0, micrograph.mask)
    for particle in micrograph.particles:
        assert (micrograph.instances == particle.number).sum() == particle.area_px


def test_a_particle_past_the_border_does_not_come_in_on_the_other_side() -> None:
    atoms, species = np.zeros((0, 3)), np.zeros(0, int)
    particle = Particle((0, 0), 1.0, atoms, species, (CARBON,), (-3, 6), 5, loss=1.0, orientation=np.eye(3))
    image = np.zeros((8, 8))
    part, own = particle.region(image)
    part += np.arange(25.0).reshape(5, 5)[own]
    np.testing.assert_array_equal(image[:2, 6:], [[15, 16], [20, 21]])
    assert image.sum() == 15 + 16 + 20 + 21


def test_amplitude_contrast_darkens_particles_and_phase_contrast_alone_does_not() -> None:
    changes = {"size_px": 128, "diameter_nm": 8.0, "particle_count": 1, "carbon_nm": 1.0, "defocus_nm": 50.0}
    contrast = []
    for aperture, acceptance in ((10.0, 60.0), (None, 500.0)):
        settings = simulation_settings(
            "au-20nm-lowres", **changes, objective_aperture_mrad=aperture, acceptance_mrad=acceptance
        )
        micrograph = simulate_micrograph(settings, seed=1)
        contrast.append(micrograph.pixels[micrograph.mask].mean() / micrograph.pixels[~micrograph.mask].mean())
    assert contrast[0] < 0.85
    assert contrast[1] > 0.93


def test_contrast_grows_with_the_thickness_without_any_aperture() -> None:
    contrasts = []
    for diameter in (2.0, 4.0, 8.0):
        settings = simulation_settings(
            size_px=512, diameter_nm=diameter, particle_count=1, small_particles=0, defects=0, dose_e_per_angstrom2=5e3
        )
        darker = []
        for seed in range(4):
            micrograph = simulate_micrograph(settings, seed=seed)
            inside, outside = micrograph.pixels[micrograph.mask].mean(), micrograph.pixels[~micrograph.mask].mean()
            darker.append(1 - inside / outside)
        contrasts.append(np.mean(darker))
    assert 0 < contrasts[0] < contrasts[1] < contrasts[2] < 0.2


@pytest.mark.parametrize("contact", ["touching", "grown together", "overlapping"])
def test_particles_in_contact_are_marked_and_share_no_atoms(contact: Any) -> None:
    settings = simulation_settings(size_px=512, diameter_nm=2.0, particle_count=8, touching=1.0, coverage=0.3)
    field = Field(size_px=512, margin_px=0, micrograph_px=512, pixel_size_nm=settings.pixel_size_nm)
    found = 0
    for seed in range(4):
        particles = scatter_particles(settings, field, 3.0, np.random.default_rng(seed))
        places = []
        for particle in particles:
            row, column = particle.origin_px
            places.append(particle.own + np.array([column, row, 0]) * field.pixel_size_nm)
        for index, particle in enumerate(particles):
            if particle.contact != contact or not len(places[index]):
                continue
            others = np.concatenate(places[:index])
            distance = KDTree(others).query(places[index])[0].min()
            assert distance > 0.2  # from any atom of another
            if (contact == "grown together" and distance < 0.4) or contact != "grown together":
                found += 1
    assert found >= 3


def test_the_table_names_lattice_defect_and_orientation_of_every_particle(tmp_path: Path) -> None:
    settings = SMALL.model_copy(update={"material": "CdSe", "diameter_nm": 1.6})
    simulate_micrographs(settings, tmp_path, count=1, seed=5, workers=1)
    with (tmp_path / "particles/simulated_0000.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["material"], row["lattice"], row["number"]) == ("CdSe", "wurtzite", "1")
    rotation = [float(row[f"orientation_{part}"]) for part in "wxyz"]
    assert np.linalg.norm(rotation) == pytest.approx(1, abs=1e-5)
    instances = read_micrograph(tmp_path / "instances/simulated_0000.tif").pixels
    mask = read_label(tmp_path / "labels/simulated_0000.tif", instances.shape)
    np.testing.assert_array_equal(instances == 1, mask)


@pytest.mark.parametrize("material", ["Ag", "Pt", "Pd", "CdSe", "Fe", "Co"])
def test_other_materials_are_simulated(material: Any) -> None:
    micrograph = simulate_micrograph(SMALL.model_copy(update={"material": material}), seed=3)
    assert micrograph.particles[0].material == material
    assert micrograph.mask.any()


def test_a_folder_pairs_up_and_carries_scale_and_table(tmp_path: Path) -> None:
    images = simulate_micrographs(SMALL, tmp_path / "au", count=2, seed=5, workers=1)
    pairing = pair_labels(tmp_path / "au")
    assert [pair.image for pair in pairing.pairs] == images
    assert not pairing.problems
    micrograph = read_micrograph(images[1])
    assert micrograph.pixel_size_nm == pytest.approx(SMALL.pixel_size_nm, rel=1e-4)
    label = read_label(pairing.pairs[1].label, micrograph.pixels.shape)
    with (tmp_path / "au/particles/simulated_0001.csv").open() as file:
        assert sum(int(row["area_px"]) for row in csv.DictReader(file)) == label.sum()


def test_the_number_of_workers_changes_no_pixel(tmp_path: Path) -> None:
    one, two = (simulate_micrographs(SMALL, tmp_path / str(n), count=2, seed=5, workers=n) for n in (1, 2))
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(read_micrograph(first).pixels, read_micrograph(second).pixels)


def test_an_interrupted_simulation_leaves_whole_files_and_goes_on(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_micrographs(SMALL, tmp_path / "au", count=2, seed=5, workers=1, progress=interrupt)
    first = tmp_path / "au/images/simulated_0000.tif"
    written = first.stat().st_mtime_ns
    assert not list((tmp_path / "au").rglob(".*"))
    seen = []
    images = simulate_micrographs(
        SMALL, tmp_path / "au", count=2, seed=5, workers=1, progress=lambda *done: seen.append(done)
    )
    assert seen == [(1, 2), (2, 2)]
    assert first.stat().st_mtime_ns == written
    assert all(image.exists() for image in images)


def test_a_killed_simulation_leaves_no_workers_behind(tmp_path: Path) -> None:
    options = ["--count", "50", "--size-px", "512", "--workers", "2", "--output", tmp_path]
    simulation = psutil.Popen(
        [sys.executable, "-m", "tem_rf", "simulate", "au-5nm", *options], stderr=subprocess.DEVNULL
    )
    workers: list[Any] = []
    while len(workers) < 2:
        assert simulation.poll() is None
        workers = [child for child in simulation.children() if "spawn_main" in " ".join(child.cmdline())]
        time.sleep(0.1)
    time.sleep(1)  # until they have begun
    simulation.kill()
    simulation.wait()
    assert psutil.wait_procs(workers, timeout=20)[1] == []


def test_an_unknown_material_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"`material`: expected one of Au, Ag.*received 'Unobtainium'") as caught:
        simulate_micrographs(SMALL.model_copy(update={"material": "Unobtainium"}), tmp_path / "x", count=1, seed=0)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x").exists()


def test_more_micrographs_keep_those_that_stand_and_fewer_forget_none(tmp_path: Path) -> None:
    simulate_micrographs(SMALL, tmp_path, count=2, seed=5, workers=1)
    simulate_micrographs(SMALL, tmp_path, count=1, seed=5, workers=1)
    assert json.loads((tmp_path / "simulation.json").read_text())["count"] == 2
    assert (tmp_path / "micrographs.csv").read_text().count("simulated_") == 2


@pytest.mark.parametrize(
    ("settings", "seed", "names"),
    [
        (SMALL.model_copy(update={"dose_e_per_angstrom2": 50.0}), 5, "dose_e_per_angstrom2 is 423.0, not 50.0"),
        (SMALL, 6, "seed is 5, not 6"),
    ],
)
def test_a_folder_of_other_settings_is_refused(tmp_path: Path, settings: Any, seed: Any, names: Any) -> None:
    simulate_micrographs(SMALL, tmp_path, count=1, seed=5, workers=1)
    with pytest.raises(DatasetError, match=names) as caught:
        simulate_micrographs(settings, tmp_path, count=1, seed=seed, workers=1)
    assert "\n" not in str(caught.value)


def test_a_folder_of_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="no simulation"):
        simulate_micrographs(SMALL, tmp_path, count=1, seed=5, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "simulation.json").write_text("{")
    with pytest.raises(DatasetError, match=r"simulation\.json: is damaged"):
        simulate_micrographs(SMALL, tmp_path, count=1, seed=5, workers=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"diameter_nm": 30.0}, "`diameter_nm`: a particle of 30 nm does not fit a field of 512 px"),
        ({"defocus_nm": "60:10"}, "`defocus_nm`: expected LOW:HIGH"),
        ({"defocus_nm": "far"}, "defocus_nm"),
        ({"size_px": 8}, "`size_px`: input should be greater than or equal to 64, received 8"),
        ({"dose_e_per_angstrom2": float("nan")}, "dose_e_per_angstrom2"),
        ({"colour": 1}, "colour"),
    ],
)
def test_bad_settings_are_one_line(changes: Any, message: Any) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        simulation_settings(**changes)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"au-2\.2nm, au-5nm"):
        simulation_settings("xx-3nm")


def test_particles_that_do_not_fit_are_said_to(tmp_path: Path) -> None:
    crowded = SMALL.model_copy(update={"particle_count": 50})
    with pytest.raises(SettingsError, match=r"`particle_count`: .* of 50 particles"):
        simulate_micrographs(crowded, tmp_path / "au", count=1, seed=0, workers=1)
    assert not (tmp_path / "au").exists()  # so that the corrected settings can be written there


def test_what_does_not_fit_leaves_a_folder_with_micrographs_alone(tmp_path: Path) -> None:
    (tmp_path / "au").mkdir()
    kept = tmp_path / "au" / "images" / "simulated_0000.tif"
    settings = SMALL.model_copy(update={"particle_count": 50})
    folder = SimulationFolder.create_or_open(tmp_path / "au", settings, seed=0, count=1)
    kept.parent.mkdir()
    kept.touch()
    with pytest.raises(SettingsError, match="of 50 particles"):
        simulate_micrographs(settings, tmp_path / "au", count=2, seed=0, workers=1)
    assert kept.exists()
    assert (folder.path / "simulation.json").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"particle_count": 1_000_000_000}, "`particle_count`: 1000000000 particles of 5.5 nm in a micrograph"),
        (
            {"size_px": 8192, "pixel_size_nm": 0.5, "diameter_nm": 0.8},
            "`coverage`: .* particles of 0.8 nm in a microgr",
        ),
        ({"size_px": 8192, "pixel_size_nm": 0.006, "defocus_nm": 5000}, "`size_px`: 8192 px and a margin of"),
        ({"size_px": 4096, "pixel_size_nm": 0.5, "diameter_nm": 60, "coverage": 0.4}, "would hold .* atoms"),
    ],
)
def test_what_would_exhaust_memory_is_refused_before_it_is_tried(changes: Any, message: Any) -> None:
    settings = simulation_settings(**changes)
    tracemalloc.start()
    with pytest.raises(SettingsError, match=message) as caught:
        simulate_micrograph(settings, seed=0)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"count": 0}, {"seed": -1}, {"workers": 0}])
def test_impossible_counts_are_refused(tmp_path: Path, changes: Any) -> None:
    with pytest.raises(SettingsError, match=next(iter(changes))):
        simulate_micrographs(SMALL, tmp_path / "au", **({"count": 1, "seed": 0, "workers": 1} | changes))
    assert not (tmp_path / "au").exists()


def test_the_command_prints_one_json_object(tmp_path: Path) -> None:
    options = ["--size-px", "128", "--carbon-nm", "0.5", "--defocus-nm", "20:30", "--count", "1", "--workers", "1"]
    result = CliRunner().invoke(app, ["simulate", "au-2.2nm", "--output", str(tmp_path / "au"), "--json", *options])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["micrographs"] == 1
