"""The physics of the simulator, held against numbers from the literature and against conservation laws."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial import KDTree

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.simulation.carbon import DENSITY_PER_NM3, NEIGHBOUR_NM, carbon_sheet
from tem_rf.data.simulation.detector import record_counts
from tem_rf.data.simulation.multislice import exit_wave
from tem_rf.data.simulation.nanoparticle import LATTICE_CONSTANT_NM, grow_nanoparticle
from tem_rf.data.simulation.optics import Optics, image_intensity
from tem_rf.data.simulation.projection import project_mask, project_phase
from tem_rf.data.simulation.scattering import (
    CARBON,
    GOLD,
    POTENTIAL_V_NM2,
    cross_section_beyond,
    interaction_constant,
    phase_factor,
    scattering_factor,
    wavelength_nm,
)
from tem_rf.data.simulation.specimen import Field, Particle
from tem_rf.data.simulation.transmission import slices

PIXEL_NM = 0.02
KV = 300.0


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("kv", "picometre", "sigma"), [(100, 3.7014, 0.009244), (200, 2.5079, 0.007288), (300, 1.9687, 0.006526)]
)
def test_wavelength_and_interaction_constant_are_the_textbook_values(kv: int, picometre: float, sigma: float) -> None:
    assert wavelength_nm(kv) * 1e3 == pytest.approx(picometre, abs=1e-4)
    assert interaction_constant(kv) == pytest.approx(sigma, abs=1e-6)  # rad / (V nm)


def test_potential_constant_is_47_878_volt_square_angstrom() -> None:
    assert pytest.approx(47.878, abs=1e-3) == POTENTIAL_V_NM2 * 100


# Doyle and Turner 1968, relativistic Hartree-Fock.
def test_scattering_factors_at_zero_angle_are_those_of_the_literature() -> None:
    assert scattering_factor(CARBON, np.zeros(1))[0] * 10 == pytest.approx(2.509, rel=0.01)
    assert scattering_factor(GOLD, np.zeros(1))[0] * 10 == pytest.approx(10.573, rel=0.01)


# X-ray factors at sin(theta)/lambda = 0.5 / Å from the coefficients of Cromer and Mann (International Tables C).
@pytest.mark.parametrize(
    ("element", "charge", "xray_factor"), [(CARBON, 6, 1.686), (GOLD, 79, 46.91)], ids=["carbon", "gold"]
)
def test_scattering_factors_follow_the_mott_formula_at_sin_theta_over_lambda_0_5(
    element: Any, charge: int, xray_factor: float
) -> None:
    mott = 0.0239336 * (charge - xray_factor) / 0.5**2  # Å
    assert scattering_factor(element, np.array([10.0]))[0] * 10 == pytest.approx(mott, rel=0.01)  # g = 1 / Å


def test_thermal_motion_damps_scattering_as_the_debye_waller_factor_says() -> None:
    frequency = np.array([0.0, 10.0])  # 1/nm, that is sin(theta)/lambda = 0.5 / Å
    at_rest = scattering_factor(GOLD, frequency)
    moving = phase_factor(GOLD, frequency, KV)
    assert moving[1] / moving[0] == pytest.approx(at_rest[1] / at_rest[0] * np.exp(-0.62 * 0.5**2), rel=1e-6)


def test_the_phase_of_an_atom_adds_up_to_its_scattering_factor_and_lies_where_the_atom_is() -> None:
    place = np.array([[0.8137, 0.6021]])
    phase = project_phase(place, GOLD, shape=(64, 80), pixel_size_nm=PIXEL_NM, voltage_kv=KV)
    expected = interaction_constant(KV) * POTENTIAL_V_NM2 * scattering_factor(GOLD, np.zeros(1))[0]
    assert phase.sum() * PIXEL_NM**2 == pytest.approx(expected, rel=1e-4)
    rows, columns = np.indices(phase.shape) * PIXEL_NM
    near = np.hypot(rows - place[0, 1], columns - place[0, 0]) < 0.1
    centre = [np.average(axis[near], weights=phase[near]) for axis in (columns, rows)]
    np.testing.assert_allclose(centre, place[0], atol=0.002)


def test_coarse_pixels_give_the_low_frequencies_of_fine_ones(rng: np.random.Generator) -> None:
    atoms = rng.random((500, 2)) * 3.84
    coarse = project_phase(atoms, GOLD, shape=(32, 32), pixel_size_nm=0.12, voltage_kv=KV)
    fine = project_phase(atoms, GOLD, shape=(192, 192), pixel_size_nm=0.02, voltage_kv=KV)
    low = np.s_[:8, :8]  # within 2/3 of the coarse Nyquist frequency
    spectra = np.fft.fft2(coarse)[low] * 36, np.fft.fft2(fine)[low]
    np.testing.assert_allclose(*spectra, atol=0.02 * np.abs(spectra[1]).max())


def test_gold_atoms_are_neighbours_at_0_288_nm_and_fill_the_diameter(rng: np.random.Generator) -> None:
    atoms = grow_nanoparticle(4.0, rng)
    nearest = KDTree(atoms).query(atoms, 2)[0][:, 1]
    np.testing.assert_allclose(nearest, LATTICE_CONSTANT_NM / np.sqrt(2), rtol=1e-6)
    assert np.linalg.norm(atoms, axis=1).max() <= 2.0
    bulk = 4 / LATTICE_CONSTANT_NM**3 * np.pi / 6 * 4.0**3
    assert 0.65 * bulk < len(atoms) < bulk


def test_carbon_has_its_density_and_keeps_its_distance_across_the_border() -> None:
    sheet = carbon_sheet(4.0, 1.0, 7)
    assert len(sheet) == round(DENSITY_PER_NM3 * 16)
    assert KDTree(sheet, boxsize=[4, 4, 1]).query(sheet, 2)[0][:, 1].min() >= NEIGHBOUR_NM


def test_the_wave_keeps_its_intensity_through_specimen_and_lens() -> None:
    x = np.arange(128) * PIXEL_NM
    grating = np.exp(0.4j * np.cos(2 * np.pi * 4 / x.size * np.arange(128)) * np.ones((128, 1))).astype(np.complex64)
    wave = exit_wave(
        [(grating.copy(), 1.0) for _ in range(6)], shape=(128, 128), pixel_size_nm=PIXEL_NM, wavelength_nm=0.00197
    )
    assert np.mean(np.abs(wave) ** 2) == pytest.approx(1, abs=1e-5)
    assert np.abs(np.abs(wave) ** 2 - 1).max() > 1e-3  # propagation has turned phase into amplitude
    image = image_intensity(wave, Optics(0.00197, -50.0, 10.0, 3.0), PIXEL_NM)
    assert image.mean() == pytest.approx(1, abs=1e-5)


def test_defocus_undoes_propagation_from_the_middle_of_the_slice() -> None:
    phase = 0.3 * np.cos(2 * np.pi * 12 / 128 * np.arange(128)) * np.ones((128, 1))
    layers = [(np.exp(1j * phase).astype(np.complex64), 20.0), (np.ones((128, 128), np.complex64), 5.0)]
    wave = exit_wave(layers, shape=phase.shape, pixel_size_nm=PIXEL_NM, wavelength_nm=wavelength_nm(KV))
    focused, doubled = (
        image_intensity(wave.copy(), Optics(wavelength_nm(KV), defocus, 0.0, 0.0), PIXEL_NM) for defocus in (-15, 15)
    )
    assert focused.std() < 1e-4
    assert doubled.std() > 0.01


def test_particles_of_all_heights_stand_on_the_film() -> None:
    settings = simulation_settings(size_px=64, diameter_nm=1.0)
    field = Field(size_px=64, margin_px=0, micrograph_px=64, pixel_size_nm=settings.pixel_size_nm)
    tall = Particle((0, 0), 4.0, np.array([[0.3, 0.3, 0.0], [0.3, 0.3, 3.9]]), (0, 0), 32, loss=1.0)
    short = Particle((0, 0), 1.0, np.array([[0.3, 0.3, 0.0]]), (32, 32), 32, loss=1.0)
    phases = [np.abs(np.angle(t)) for t, _ in slices([tall, short], 0.0, settings, field, np.random.default_rng(0))]
    assert len(phases) == 4
    assert [phase[32:, 32:].max() > 0.1 for phase in phases] == [False, False, False, True]
    assert [phase[:32, :32].max() > 0.1 for phase in phases] == [True, False, False, True]


def test_a_particle_without_atoms_has_no_shadow_and_is_not_seen() -> None:
    settings = simulation_settings(size_px=64, diameter_nm=1.0)
    field = Field(size_px=64, margin_px=0, micrograph_px=64, pixel_size_nm=settings.pixel_size_nm)
    empty = Particle((0, 0), 0.36, np.empty((0, 3)), (0, 0), 32, loss=1.0)
    assert not empty.mask(field).any()
    assert list(slices([empty], 0.0, settings, field, np.random.default_rng(0))) == []


def test_a_single_atom_is_seen_where_its_shadow_lies() -> None:
    settings = simulation_settings(size_px=64, diameter_nm=1.0)
    field = Field(size_px=64, margin_px=0, micrograph_px=64, pixel_size_nm=settings.pixel_size_nm)
    atom = Particle((0, 0), 0.36, np.array([[0.5, 0.5, 0.0]]), (0, 0), 32, loss=1.0)
    ((transmission, _),) = slices([atom], 0.0, settings, field, np.random.default_rng(0))
    seen = np.abs(np.angle(transmission)) == np.abs(np.angle(transmission)).max()
    assert (atom.mask(field) & seen).any()


def gold_image(atoms: np.ndarray, count: int, size_px: int = 320) -> np.ndarray:
    x, y, z = (atoms - atoms.mean(0)).T + size_px * PIXEL_NM / 2
    height_nm = np.ptp(z) + 1e-6
    layers = ((z - z.min()) / height_nm * count).astype(int)
    shape = (size_px, size_px)
    phases = (
        project_phase(np.c_[x, y][layers == n], GOLD, shape=shape, pixel_size_nm=PIXEL_NM, voltage_kv=KV)
        for n in range(count)
    )
    wave = exit_wave(
        ((np.exp(1j * phase), height_nm / count) for phase in phases),
        shape=shape,
        pixel_size_nm=PIXEL_NM,
        wavelength_nm=wavelength_nm(KV),
    )
    return image_intensity(wave, Optics(wavelength_nm(KV), -40.0, -10.0, 3.0), PIXEL_NM)


# Rows are the axes of the image in the crystal's: the beam runs along [110], where {111} planes stand on edge.
ALONG_110 = np.array([[0, 0, 1], [1, -1, 0], [1, 1, 0]]) / np.array([[1], [2**0.5], [2**0.5]])


def test_fringes_of_gold_on_its_zone_axis_are_0_2355_nm_apart(rng: np.random.Generator) -> None:
    image = gold_image(grow_nanoparticle(7.0, rng, orientation=ALONG_110), count=7, size_px=400)
    power = np.abs(np.fft.fft2(image - image.mean(), s=(1280, 1280))) ** 2
    frequency = np.fft.fftfreq(1280, PIXEL_NM)
    radius = np.hypot(frequency[:, None], frequency)
    power[(radius < 3.6) | (radius > 4.7)] = 0  # {111} at 4.25, {200} at 4.9 per nm
    strongest = power > 0.2 * power.max()
    assert 1 / np.average(radius[strongest], weights=power[strongest]) == pytest.approx(0.2355, rel=0.01)


def test_slices_of_1_nm_give_nearly_the_image_of_slices_of_0_2_nm_and_a_single_one_does_not(
    rng: np.random.Generator,
) -> None:
    atoms = grow_nanoparticle(4.0, rng)
    finest, usual, single = (gold_image(atoms, count).ravel() for count in (20, 4, 1))
    assert np.corrcoef(finest, usual)[0, 1] > 0.97
    assert np.corrcoef(finest, single)[0, 1] < 0.9


def test_less_gold_is_scattered_past_a_wider_aperture_and_all_of_it_past_none() -> None:
    narrow, wide = (cross_section_beyond(GOLD, edge, KV) for edge in (2.5, 5.0))
    assert 0 < wide < narrow
    # Langmore and Smith 1992: the elastic cross section of an atom is about 1.4e-6 Z^1.5 / beta² nm² (gold, 300 kV).
    total = cross_section_beyond(GOLD, 0.01, KV)
    assert total == pytest.approx(1.4e-6 * 79**1.5 / 0.776**2 * (1 - 0.26 * 79 / 137 / 0.776), rel=0.3)


def test_the_mask_holds_every_atom_and_has_no_holes(rng: np.random.Generator) -> None:
    atoms = grow_nanoparticle(5.0, rng)[:, :2] + 3.0
    mask = project_mask(atoms, shape=(300, 300), pixel_size_nm=PIXEL_NM)
    column, row = np.rint(atoms / PIXEL_NM).astype(int).T
    assert mask[row, column].all()
    assert 0.75 < mask.sum() * PIXEL_NM**2 / (np.pi / 4 * 5.0**2) < 1.02
    assert mask[150, 150]


def test_holes_between_atoms_belong_to_the_mask() -> None:
    turn = np.linspace(0, 2 * np.pi, 200)
    ring = np.stack([1 + 0.6 * np.cos(turn), 1 + 0.6 * np.sin(turn)], axis=1)
    assert project_mask(ring, shape=(100, 100), pixel_size_nm=PIXEL_NM)[50, 50]


def test_counts_have_the_mean_and_noise_of_the_dose() -> None:
    settings = simulation_settings(
        pixel_size_nm=0.02, dose_e_per_angstrom2=500.0, detector_blur_px=0, read_noise_counts=0, offset_counts=100.0
    )
    counts = record_counts(np.ones((400, 400)), settings, np.random.default_rng(1)).astype(float)
    electrons = 500 * 0.2**2  # per pixel
    assert counts.mean() == pytest.approx(100 + 30 * electrons, rel=2e-3)
    assert counts.var() == pytest.approx(30**2 * electrons, rel=0.02)


def test_the_blur_of_the_detector_spreads_the_noise_too() -> None:
    settings = simulation_settings(detector_blur_px=1.0, read_noise_counts=0)
    counts = record_counts(np.ones((400, 400)), settings, np.random.default_rng(1)).astype(float)
    electrons = settings.dose_e_per_angstrom2 * (settings.pixel_size_nm * 10) ** 2
    assert counts.var() == pytest.approx(30**2 * electrons / (4 * np.pi), rel=0.03)  # sum of a squared Gaussian


def test_xray_spikes_come_as_often_as_asked() -> None:
    settings = simulation_settings(xray_spikes_per_megapixel=200.0)
    counts = record_counts(np.ones((1000, 1000)), settings, np.random.default_rng(1))
    assert 150 < (counts > 4000).sum() < 250
