"""The physics of the simulator, held against numbers from the literature and against conservation laws."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial import KDTree

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.simulation.conditions import draw_conditions
from tem_rf.data.simulation.crystals import crystal
from tem_rf.data.simulation.detector import record_counts
from tem_rf.data.simulation.exposure import expose, illuminate
from tem_rf.data.simulation.film import DENSITY_PER_NM3, NEIGHBOUR_NM, Film, structure_factor
from tem_rf.data.simulation.lattice_grains import STACKING_FRAME, grains
from tem_rf.data.simulation.multislice import exit_wave
from tem_rf.data.simulation.nanoparticle import grow_nanoparticle
from tem_rf.data.simulation.optics import Optics, image_intensity
from tem_rf.data.simulation.projection import project_mask, project_phase
from tem_rf.data.simulation.scattering import (
    CARBON,
    GOLD,
    POTENTIAL_V_NM2,
    cross_section_beyond,
    element,
    interaction_constant,
    phase_factor,
    scattering_factor,
    wavelength_nm,
)
from tem_rf.data.simulation.specimen import Field, Particle
from tem_rf.data.simulation.transmission import slices
from tem_rf.errors import SettingsError

PIXEL_NM = 0.02
KV = 300.0
LATTICE_CONSTANT_NM = 0.4078
PERFECT = simulation_settings(defects=0, irregularity=0, strain=0, surface_disorder=0, rims=0)
IDEAL_CAMERA = {
    "detector_halo": 0,
    "quantum_efficiency": 1,
    "gain_error": 0,
    "dead_pixels_per_megapixel": 0,
    "hot_pixels_per_megapixel": 0,
    "read_noise_counts": 0,
}


def particle_of(atoms: Any, origin_px: Any = (0, 0), patch_px: Any = 32) -> Any:
    """Gold atoms in their place; z from the upper face of the film, downward."""
    atoms = np.asarray(atoms, dtype=float).reshape(-1, 3)
    species = np.zeros(len(atoms), dtype=int)
    return Particle((0, 0), 1.0, atoms, species, (GOLD, CARBON), origin_px, patch_px, 1.0, np.eye(3))


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("kv", "picometre", "sigma"), [(100, 3.7014, 0.009244), (200, 2.5079, 0.007288), (300, 1.9687, 0.006526)]
)
def test_wavelength_and_interaction_constant_are_the_textbook_values(kv: Any, picometre: Any, sigma: Any) -> None:
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
    element: Any, charge: Any, xray_factor: Any
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


def test_coarse_pixels_give_the_low_frequencies_of_fine_ones(rng: Any) -> None:
    atoms = rng.random((500, 2)) * 3.84
    coarse = project_phase(atoms, GOLD, shape=(32, 32), pixel_size_nm=0.12, voltage_kv=KV)
    fine = project_phase(atoms, GOLD, shape=(192, 192), pixel_size_nm=0.02, voltage_kv=KV)
    low = np.s_[:8, :8]  # within 2/3 of the coarse Nyquist frequency
    spectra = np.fft.fft2(coarse)[low] * 36, np.fft.fft2(fine)[low]
    np.testing.assert_allclose(*spectra, atol=0.02 * np.abs(spectra[1]).max())


def test_gold_atoms_are_neighbours_at_0_288_nm_and_fill_the_diameter(rng: Any) -> None:
    atoms = grow_nanoparticle(4.0, PERFECT, rng).atoms
    nearest = KDTree(atoms).query(atoms, 2)[0][:, 1]
    np.testing.assert_allclose(nearest, LATTICE_CONSTANT_NM / np.sqrt(2), rtol=1e-6)
    assert np.linalg.norm(atoms, axis=1).max() <= 2.0
    bulk = 4 / LATTICE_CONSTANT_NM**3 * np.pi / 6 * 4.0**3
    assert 0.65 * bulk < len(atoms) < bulk


@pytest.mark.parametrize("defect", ["single", "twin", "twins", "fault", "decahedron", "icosahedron", "polycrystal"])
def test_every_kind_of_crystal_is_dense_and_no_two_atoms_are_too_close(rng: Any, defect: Any) -> None:
    gold = crystal("Au")
    atoms, species, frame = grains(gold, 2.0, defect, rng)
    nearest = KDTree(atoms).query(atoms, 2)[0][:, 1]
    assert nearest.min() > (0.79 if defect == "polycrystal" else 0.98) * gold.neighbour_nm
    assert np.median(nearest) == pytest.approx(gold.neighbour_nm, rel=0.02)
    assert len(atoms) == pytest.approx(gold.atoms_per_nm3 * 4 / 3 * np.pi * 2.0**3, rel=0.1)
    assert not species.any()
    assert np.linalg.det(frame) == pytest.approx(1)


@pytest.mark.parametrize("defect", ["fault", "decahedron"])
def test_the_orientation_of_a_defective_crystal_is_that_of_its_first_grain(rng: Any, defect: Any) -> None:
    atoms, _, frame = grains(crystal("Au"), 2.0, defect, rng)
    pairs = KDTree(atoms).query_pairs(0.3, output_type="ndarray")
    bonds = (atoms[pairs[:, 0]] - atoms[pairs[:, 1]]) @ frame / LATTICE_CONSTANT_NM * 2  # in the frame of the cell
    bond_110 = np.sort(np.abs(bonds), axis=1)
    along_110 = np.abs(bond_110 - [0, 1, 1]).max(axis=1) < 0.05
    # Of a fault nearly all; of a decahedron a fifth of the atoms are in the first crystal.
    assert along_110.mean() > {"fault": 0.8, "decahedron": 0.15}[defect]  # chance: below 0.01


@pytest.mark.parametrize("defect", ["single", "twin", "decahedron", "polycrystal"])
def test_a_zone_axis_lies_along_the_beam_up_to_its_tilt(monkeypatch: pytest.MonkeyPatch, defect: str) -> None:
    monkeypatch.setattr("tem_rf.data.simulation.nanoparticle._draw_defect", lambda *_: defect)
    settings = simulation_settings(zone_axis="1,-1,0", zone_tilt_deg=0)
    tilted = simulation_settings(zone_axis="1,-1,0", zone_tilt_deg=5)
    axis = np.array([1, -1, 0]) / np.sqrt(2)
    directions = [
        [grow_nanoparticle(2.0, own, np.random.default_rng(seed)).orientation @ axis for seed in range(8)]
        for own in (settings, tilted)
    ]
    assert np.allclose(directions[0], [0, 0, 1], atol=1e-6)
    tilts = np.degrees(np.arccos(np.array(directions[1])[:, 2]))
    assert 2 < tilts.mean() < 12
    turned = [grow_nanoparticle(2.0, settings, np.random.default_rng(seed)).orientation[0, 2] for seed in range(8)]
    assert np.std(turned) > 0.2, "turned at random about the beam"


def test_a_zone_axis_that_is_none_is_one_line() -> None:
    for text in ("1,1", "0,0,0", "1,1,x", "10,0,0", ""):
        with pytest.raises(SettingsError, match="`zone_axis`: expected three whole numbers from -9 to 9"):
            simulation_settings(zone_axis=text)


def test_twins_meet_in_a_mirror_plane(rng: Any) -> Any:
    atoms, _, frame = grains(crystal("Au"), 2.0, "twin", rng)
    np.testing.assert_allclose(frame, STACKING_FRAME)
    heights = np.unique(np.round(atoms[:, 2], 6))
    np.testing.assert_allclose(np.diff(heights), LATTICE_CONSTANT_NM / np.sqrt(3), atol=1e-5)
    layers = [atoms[np.isclose(atoms[:, 2], height)][:, :2] for height in heights]
    period = LATTICE_CONSTANT_NM / np.sqrt(2)
    offsets = [np.mod(layer[:, 1].min() / (period / np.sqrt(3)) - layers[0][:, 1].min(), 1.5) for layer in layers]
    assert len(offsets) > 10
    # Every layer repeats after three in a crystal, but mirrored on the two sides of the plane.
    cell = np.array([[period, 0], [period / 2, period * np.sqrt(3) / 2]])

    def place(layer: Any) -> Any:
        """Which of the three places of close packing it takes, relative to the first."""
        shift = (layer[0] - layers[0][0]) @ np.linalg.inv(cell)
        return int(np.round(np.mod(shift[1] * 3, 3))) % 3

    steps = np.mod(np.diff([place(layer) for layer in layers]), 3)
    changes = np.count_nonzero(np.diff(steps))
    assert changes == 1


def test_strain_and_a_disordered_surface_move_atoms_and_the_middle_stays_a_crystal() -> None:
    atoms = grow_nanoparticle(5.0, PERFECT.model_copy(update={"surface_disorder": 1.0}), np.random.default_rng(4)).atoms
    nearest = KDTree(atoms).query(atoms, 2)[0][:, 1]
    deep = np.linalg.norm(atoms, axis=1) < 1.2
    np.testing.assert_allclose(nearest[deep], LATTICE_CONSTANT_NM / np.sqrt(2), rtol=1e-6)
    assert nearest[~deep].std() > 0.01


def test_a_rim_of_carbon_lies_around_the_particle_and_leaves_its_mask_alone(rng: Any) -> None:
    grown = grow_nanoparticle(4.0, PERFECT.model_copy(update={"rims": 1.0}), rng)
    assert len(grown.rim) > 100
    assert KDTree(grown.atoms).query(grown.rim)[0].min() > 0.05
    assert np.linalg.norm(grown.rim, axis=1).max() < 2.0 + 1.7


@pytest.mark.parametrize("diameter_nm", [0.3, 0.6, 0.8])
def test_the_smallest_particles_hold_few_atoms_or_none_and_do_no_harm(rng: Any, diameter_nm: Any) -> None:
    settings = simulation_settings(rims=1.0, defects=1.0, irregularity=0.5)
    for _ in range(30):
        grown = grow_nanoparticle(diameter_nm, settings, rng)
        assert len(grown.atoms) == len(grown.species) < 30
        assert np.isfinite(grown.atoms).all()
        assert np.isfinite(grown.rim).all()


def test_the_film_has_the_phase_and_the_fluctuations_of_amorphous_carbon(rng: Any) -> None:
    settings = simulation_settings(size_px=256, film_variation=0)
    field = Field(size_px=256, margin_px=0, micrograph_px=256, pixel_size_nm=settings.pixel_size_nm)
    lost = cross_section_beyond(CARBON, 20.0, KV)
    (path,) = Film(2.0, lost, settings, field).paths(1, rng)
    mean = DENSITY_PER_NM3 * 2.0 * phase_factor(CARBON, np.zeros(1), KV)[0]
    assert path.real.mean() == pytest.approx(mean, rel=1e-3)
    assert path.imag.mean() == pytest.approx(DENSITY_PER_NM3 * 2.0 * lost / 2, rel=1e-3)
    frequency = np.fft.fftfreq(256, settings.pixel_size_nm)
    radius = np.hypot(frequency[:, None], frequency)
    power = np.abs(np.fft.fft2(path.real - mean)) ** 2 * settings.pixel_size_nm**2 / 256**2
    for low, high in ((1.0, 3.0), (3.0, 6.0), (6.0, 10.0)):
        ring = (radius >= low) & (radius < high)
        expected = DENSITY_PER_NM3 * 2.0 * structure_factor(radius[ring]) * phase_factor(CARBON, radius[ring], KV) ** 2
        assert power[ring].mean() == pytest.approx(expected.mean(), rel=0.1)


def test_hard_spheres_scatter_less_at_low_angles_and_as_single_atoms_at_high_ones() -> None:
    packing = np.pi / 6 * DENSITY_PER_NM3 * NEIGHBOUR_NM**3
    low, high = structure_factor(np.array([0.1])), structure_factor(np.array([60.0]))
    assert low[0] == pytest.approx((1 - packing) ** 4 / (1 + 2 * packing) ** 2, rel=0.02)  # compressibility
    assert high[0] == pytest.approx(1, abs=0.03)


def test_no_two_micrographs_share_a_film_and_no_film_repeats() -> None:
    settings = simulation_settings(size_px=512, film_variation=0)
    field = Field(size_px=1024, margin_px=0, micrograph_px=1024, pixel_size_nm=settings.pixel_size_nm)
    (path,) = Film(2.0, 0.0, settings, field).paths(1, np.random.default_rng(1))
    phase = path.real - path.real.mean()
    correlation = np.fft.irfft2(np.abs(np.fft.rfft2(phase)) ** 2) / (phase.var() * phase.size)
    away = np.minimum(*np.meshgrid(*[np.minimum(np.arange(1024), 1024 - np.arange(1024))] * 2)) >= 0
    away &= np.hypot(*np.meshgrid(*[np.minimum(np.arange(1024), 1024 - np.arange(1024))] * 2)) > 60
    assert np.abs(correlation[away]).max() < 0.05


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
    tall = particle_of([[0.3, 0.3, -3.95], [0.3, 0.3, -0.05]])
    short = particle_of([0.3, 0.3, -0.05], (32, 32))
    phases = [np.abs(np.angle(t)) for t, _ in slices([tall, short], 0.0, settings, field, np.random.default_rng(0))]
    assert len(phases) == 4
    assert [phase[32:, 32:].max() > 0.1 for phase in phases] == [False, False, False, True]
    assert [phase[:32, :32].max() > 0.1 for phase in phases] == [True, False, False, True]


def test_particles_lie_above_within_and_below_the_film() -> None:
    settings = simulation_settings(size_px=64, diameter_nm=1.0, film_variation=0)
    field = Field(size_px=64, margin_px=0, micrograph_px=64, pixel_size_nm=settings.pixel_size_nm)
    depths = (-0.5, 1.5, 3.5)
    particle = particle_of([[0.2, 0.3, depths[0]], [0.4, 0.3, depths[1]], [0.6, 0.3, depths[2]]])
    layers = list(slices([particle], 3.0, settings, field, np.random.default_rng(0)))
    assert [thickness for _, thickness in layers] == pytest.approx([0.5, 1.0, 1.0, 1.0, 0.5])
    bare = list(slices([], 3.0, settings, field, np.random.default_rng(0)))
    above, *film, below = (transmission for transmission, _ in layers)
    for at, transmission in ((0.2, above), (0.6, below)):
        row, column = np.unravel_index(np.abs(np.angle(transmission)).argmax(), field.shape)
        assert (column, row) == pytest.approx((at / settings.pixel_size_nm, 0.3 / settings.pixel_size_nm), abs=1)
    changed = [np.abs(one - other).max() > 0.1 for one, (other, _) in zip(film, bare, strict=True)]
    assert changed == [False, True, False]
    row, column = np.unravel_index(np.abs(film[1] - bare[1][0]).argmax(), field.shape)
    assert column == pytest.approx(0.4 / settings.pixel_size_nm, abs=8)  # its phase, or the film it stands in


def test_a_particle_without_atoms_has_no_shadow_and_is_not_seen() -> None:
    settings = simulation_settings(size_px=64, diameter_nm=1.0)
    field = Field(size_px=64, margin_px=0, micrograph_px=64, pixel_size_nm=settings.pixel_size_nm)
    empty = particle_of(np.empty((0, 3)))
    assert not empty.shadow(field).any()
    assert list(slices([empty], 0.0, settings, field, np.random.default_rng(0))) == []


def test_a_single_atom_is_seen_where_its_shadow_lies() -> None:
    settings = simulation_settings(size_px=64, diameter_nm=1.0)
    field = Field(size_px=64, margin_px=0, micrograph_px=64, pixel_size_nm=settings.pixel_size_nm)
    atom = particle_of([0.5, 0.5, 0.0])
    ((transmission, _),) = slices([atom], 0.0, settings, field, np.random.default_rng(0))
    seen = np.abs(np.angle(transmission)) == np.abs(np.angle(transmission)).max()
    assert (atom.shadow(field) & seen[:32, :32]).any()


@pytest.mark.parametrize("acceptance", [30.0, 60.0])
def test_a_slab_of_gold_loses_what_is_scattered_past_the_acceptance(acceptance: Any) -> None:
    settings = simulation_settings(size_px=64, diameter_nm=1.0, acceptance_mrad=acceptance)
    field = Field(size_px=64, margin_px=0, micrograph_px=64, pixel_size_nm=settings.pixel_size_nm)
    side = 64 * settings.pixel_size_nm
    atoms = np.column_stack([np.random.default_rng(0).random((200, 2)) * side, np.full(200, -0.5)])
    slab = particle_of(atoms, patch_px=64)
    (transmission,) = (t for t, _ in slices([slab], 0.0, settings, field, np.random.default_rng(0)))
    lost = cross_section_beyond(GOLD, acceptance * 1e-3 / wavelength_nm(KV), KV)
    assert -np.log(np.abs(transmission) ** 2).mean() == pytest.approx(200 / side**2 * lost, rel=1e-3)


def test_scattering_factors_of_all_elements_grow_with_the_atom() -> None:
    zero = np.zeros(1)
    # Doyle and Turner 1968: silver 8.67, copper 5.60 Å.
    assert scattering_factor(element("Ag"), zero)[0] * 10 == pytest.approx(8.67, rel=0.02)
    assert scattering_factor(element("Cu"), zero)[0] * 10 == pytest.approx(5.60, rel=0.02)
    losses = [cross_section_beyond(element(symbol), 20.0, KV) for symbol in ("C", "Se", "Ag", "Au")]
    assert losses == sorted(losses)


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


def test_fringes_of_gold_on_its_zone_axis_are_0_2355_nm_apart(rng: Any) -> None:
    image = gold_image(grow_nanoparticle(7.0, PERFECT, rng, orientation=ALONG_110).atoms, count=7, size_px=400)
    power = np.abs(np.fft.fft2(image - image.mean(), s=(1280, 1280))) ** 2
    frequency = np.fft.fftfreq(1280, PIXEL_NM)
    radius = np.hypot(frequency[:, None], frequency)
    power[(radius < 3.6) | (radius > 4.7)] = 0  # {111} at 4.25, {200} at 4.9 per nm
    strongest = power > 0.2 * power.max()
    assert 1 / np.average(radius[strongest], weights=power[strongest]) == pytest.approx(0.2355, rel=0.01)


def test_slices_of_1_nm_give_nearly_the_image_of_slices_of_0_2_nm_and_a_single_one_does_not(rng: Any) -> None:
    atoms = grow_nanoparticle(4.0, PERFECT, rng).atoms
    finest, usual, single = (gold_image(atoms, count).ravel() for count in (20, 4, 1))
    assert np.corrcoef(finest, usual)[0, 1] > 0.96
    assert np.corrcoef(finest, single)[0, 1] < 0.9


def test_less_gold_is_scattered_past_a_wider_aperture_and_all_of_it_past_none() -> None:
    narrow, wide = (cross_section_beyond(GOLD, edge, KV) for edge in (2.5, 5.0))
    assert 0 < wide < narrow
    # Langmore and Smith 1992: the elastic cross section of an atom is about 1.4e-6 Z^1.5 / beta² nm² (gold, 300 kV).
    total = cross_section_beyond(GOLD, 0.01, KV)
    assert total == pytest.approx(1.4e-6 * 79**1.5 / 0.776**2 * (1 - 0.26 * 79 / 137 / 0.776), rel=0.3)


def test_the_mask_holds_every_atom_and_has_no_holes(rng: Any) -> None:
    atoms = grow_nanoparticle(5.0, PERFECT, rng).atoms[:, :2] + 3.0
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
        pixel_size_nm=0.02,
        dose_e_per_angstrom2=500.0,
        **IDEAL_CAMERA | {"detector_blur_px": 0, "offset_counts": 100.0},  # type: ignore[arg-type]
    )
    counts = record_counts(np.ones((400, 400)), settings, np.random.default_rng(1)).astype(float)
    electrons = 500 * 0.2**2  # per pixel
    assert counts.mean() == pytest.approx(100 + 30 * electrons, rel=2e-3)
    assert counts.var() == pytest.approx(30**2 * electrons, rel=0.02)


def test_the_blur_of_the_detector_spreads_the_noise_too() -> None:
    settings = simulation_settings(**IDEAL_CAMERA | {"detector_blur_px": 1.0})  # type: ignore[arg-type]
    counts = record_counts(np.ones((400, 400)), settings, np.random.default_rng(1)).astype(float)
    electrons = settings.dose_e_per_angstrom2 * (settings.pixel_size_nm * 10) ** 2
    assert counts.var() == pytest.approx(30**2 * electrons / (4 * np.pi), rel=0.03)  # sum of a squared Gaussian


@pytest.mark.parametrize("camera", ["scintillator", "direct"])
def test_a_quantum_efficiency_below_one_costs_as_much_dose(camera: Any) -> None:
    settings = simulation_settings(
        camera=camera,
        **IDEAL_CAMERA | {"detector_blur_px": 0, "quantum_efficiency": 0.7, "offset_counts": 0},  # type: ignore[arg-type]
    )
    counts = record_counts(np.ones((500, 500)), settings, np.random.default_rng(1)).astype(float)
    electrons = settings.dose_e_per_angstrom2 * (settings.pixel_size_nm * 10) ** 2
    assert counts.mean() == pytest.approx(30 * electrons, rel=2e-3)
    assert counts.mean() ** 2 / counts.var() == pytest.approx(0.7 * electrons, rel=0.03)


def test_a_direct_camera_blurs_the_signal_and_leaves_the_noise_white() -> None:
    settings = simulation_settings(camera="direct", **IDEAL_CAMERA | {"detector_blur_px": 1.5})  # type: ignore[arg-type]
    flat = record_counts(np.ones((500, 500)), settings, np.random.default_rng(1)).astype(float)
    assert np.corrcoef(flat[:, :-1].ravel(), flat[:, 1:].ravel())[0, 1] == pytest.approx(0, abs=0.01)
    step = np.where(np.arange(500) < 250, 0.5, 1.5) * np.ones((500, 1))
    edge = record_counts(step, settings, np.random.default_rng(2)).mean(axis=0)
    assert edge[248] > edge[240] * 1.1


def test_frames_average_the_readout_and_not_the_electrons() -> None:
    changes = {"detector_blur_px": 0, "read_noise_counts": 100.0, "offset_counts": 1000.0}
    spread = [
        record_counts(
            np.ones((400, 400)),
            simulation_settings(frames=frames, **IDEAL_CAMERA | changes),  # type: ignore[arg-type]
            np.random.default_rng(1),
        ).var()
        for frames in (1, 25)
    ]
    assert spread[0] - spread[1] == pytest.approx(100**2 * (1 - 1 / 25), rel=0.1)
    assert spread[1] > 0.9 * 30**2 * 423 * 0.2152**2


def test_dead_and_hot_pixels_and_xray_spikes_come_as_often_as_asked() -> None:
    faults = {"dead_pixels_per_megapixel": 300.0, "hot_pixels_per_megapixel": 0, "xray_spikes_per_megapixel": 200.0}
    settings = simulation_settings(**IDEAL_CAMERA | faults)  # type: ignore[arg-type]
    counts = record_counts(np.ones((1000, 1000)), settings, np.random.default_rng(1))
    assert 150 < (counts > 4000).sum() < 250
    assert 230 < (counts == settings.offset_counts).sum() < 370


def test_vibration_and_drift_damp_fringes_as_calculated() -> None:
    x = np.arange(256) * PIXEL_NM
    frequency = 21 / 256 / PIXEL_NM  # 4.1 / nm
    fringes = (1 + 0.2 * np.cos(2 * np.pi * frequency * x) * np.ones((256, 1))).astype(np.float32)
    base = draw_conditions(simulation_settings(image_spread_nm=0, drift_nm=0, illumination_variation=0), 1)
    shaken = expose(fringes, replace(base, image_spread_nm=0.04), PIXEL_NM)
    drifted = expose(fringes, replace(base, drift_nm=0.1, drift_angle_deg=0.0), PIXEL_NM)
    across = expose(fringes, replace(base, drift_nm=0.1, drift_angle_deg=90.0), PIXEL_NM)
    assert shaken.std() / fringes.std() == pytest.approx(np.exp(-2 * np.pi**2 * 0.04**2 * frequency**2), rel=1e-3)
    assert drifted.std() / fringes.std() == pytest.approx(np.sinc(frequency * 0.1), rel=1e-3)
    np.testing.assert_allclose(across, fringes, atol=1e-5)


def test_uneven_illumination_changes_the_level_across_the_field_by_as_much_as_asked() -> None:
    base = draw_conditions(simulation_settings(illumination_variation=0.2), 1)
    lit = illuminate(np.ones((200, 200), np.float32), replace(base, illumination_angle_deg=0.0))
    assert lit.mean() == pytest.approx(1, abs=0.01)
    assert lit[100, -1] - lit[100, 0] == pytest.approx(0.2, rel=0.02)
    flat = illuminate(np.ones((8, 8), np.float32), replace(base, illumination_variation=0.0))
    np.testing.assert_array_equal(flat, 1)
