"""Zone axis, orientation, class and calibration of drawn particles."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tem_rf.errors import DatasetError, ReadError, SettingsError
from tem_rf.lattice.calibration import calibrate
from tem_rf.lattice.indexing import match_zones
from tem_rf.lattice.measure import ParticleLattice, measure_lattices
from tem_rf.lattice.structure import read_structure
from tem_rf.lattice.summary import summarize_lattices
from tem_rf.lattice.table import add_to_particles, interplanar_angle_deg, main_sets, read_lattice_values, write_fringes
from tem_rf.particles.measure import measure_particles
from tem_rf.particles.table import read_particles, write_particles
from tests.helpers.drawn_lattice import PIXEL_NM, disc, draw_fringes, mirrored_at, speckle, zone_vectors

GOLD = read_structure("au")
SHAPE = (220, 230)
MASK = disc(SHAPE, 108, 115, 180)
LEFT = np.indices(SHAPE)[1] < 110


def measured(image: np.ndarray, pixel_size_nm: float = PIXEL_NM) -> ParticleLattice:
    return measure_lattices(MASK.astype(int), image, GOLD, pixel_size_nm=pixel_size_nm).particles[0]


def crystal(zone: str = "<110>", turn_deg: float = 17.0, seed: int = 5) -> np.ndarray:
    return speckle(SHAPE, seed) + MASK * draw_fringes(SHAPE, zone_vectors(GOLD, zone, turn_deg))


def twin(seed: int = 5) -> np.ndarray:
    vectors = zone_vectors(GOLD, "<110>", 17)
    shared = vectors[np.argmin(np.linalg.norm(vectors, axis=1))]
    two = np.where(LEFT, draw_fringes(SHAPE, vectors), draw_fringes(SHAPE, mirrored_at(vectors, shared)))
    return speckle(SHAPE, seed) + MASK * two


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("zone", ["<100>", "<110>", "<111>", "<211>"])
def test_a_zone_axis_is_found_by_lengths_and_angles_also_from_behind(zone: str) -> None:
    for turn, mirror in ((10, False), (77, True), (140, False)):
        vectors = zone_vectors(GOLD, zone, turn, mirror=mirror) * 1.01
        best = match_zones(vectors, np.ones(len(vectors)), GOLD)[0]
        assert best.zone.name == zone
        assert best.explained.all()
        assert best.scale == pytest.approx(1.01, rel=1e-3)


def test_spacings_angle_and_orientation_of_a_crystal_are_known() -> None:
    found = measured(crystal())
    assert (found.kind, found.zone_axes[0]) == ("single", "<110>")
    assert found.confidence > 0.9
    assert found.crystallinity > 0.95
    first, second = main_sets(found)
    assert [first.plane, second.plane] == ["{111}", "{111}"]
    assert [first.spacing_nm, second.spacing_nm] == pytest.approx([0.23544] * 2, rel=0.003)
    angle, error = interplanar_angle_deg(first, second)
    assert angle == pytest.approx(70.53, abs=0.3)
    assert 0 < error < 0.5
    zone = next(one for one in GOLD.zones if one.name == "<110>")
    x, y = zone.planes[zone.family == 1][0]  # {200} has one direction in this zone
    assert found.orientation_plane == "{200}"
    assert found.orientation_period_deg == 180
    assert found.orientation_deg == pytest.approx((np.degrees(np.arctan2(y, x)) + 17) % 180, abs=0.3)
    assert found.spacing_deviation == pytest.approx(0, abs=0.003)


def test_the_map_shows_where_the_fringes_are_and_how_they_are_oriented() -> None:
    image = speckle(SHAPE, 5) + (MASK & LEFT) * draw_fringes(SHAPE, zone_vectors(GOLD, "<110>", 17))
    result = measure_lattices(MASK.astype(int), image, GOLD, pixel_size_nm=PIXEL_NM)
    found = result.particles[0]
    assert found.crystallinity == pytest.approx(np.count_nonzero(MASK & LEFT) / np.count_nonzero(MASK), abs=0.12)
    known = np.isfinite(result.orientation)
    assert not (known & ~MASK).any()
    assert result.orientation[known] == pytest.approx(found.orientation_deg)


def test_a_twin_is_told_from_a_crystal_and_its_map_has_both_orientations() -> None:
    result = measure_lattices(MASK.astype(int), twin(), GOLD, pixel_size_nm=PIXEL_NM)
    found = result.particles[0]
    assert found.kind == "twinned"
    assert found.confidence > 0.9
    left, right = (np.nanmedian(result.orientation[MASK & side]) for side in (LEFT, ~LEFT))
    assert abs((left - right + 90) % 180 - 90) == pytest.approx(70.53, abs=1)  # twice the angle of {200} to {111}


def test_two_crystals_that_no_mirror_relates_are_a_polycrystal() -> None:
    one, other = (draw_fringes(SHAPE, zone_vectors(GOLD, "<110>", turn)) for turn in (17, 40))
    found = measured(speckle(SHAPE, 5) + MASK * np.where(LEFT, one, other))
    assert found.kind == "poly"
    assert found.confidence > 0.9


def test_an_area_without_fringes_may_be_another_grain_and_lowers_the_confidence_in_a_single_crystal() -> None:
    whole, half = (
        measured(speckle(SHAPE, 5) + area * draw_fringes(SHAPE, zone_vectors(GOLD, "<110>", 17)))
        for area in (MASK, MASK & LEFT)
    )
    assert (whole.kind, half.kind) == ("single", "single")
    assert whole.confidence > 0.9
    assert half.confidence == pytest.approx(0.5, abs=0.02)


def test_fringes_of_one_direction_leave_the_class_open() -> None:
    found = measured(crystal() * 0 + speckle(SHAPE, 5) + MASK * draw_fringes(SHAPE, np.array([[3.0, 3.0034]])))
    assert (found.kind, found.confidence, found.zone_axes) == ("single", 0.5, ())
    assert found.orientation_plane == "{111}"
    assert found.orientation_deg == pytest.approx(45, abs=0.3)
    assert found.spacing_deviation is None


def test_a_film_is_amorphous() -> None:
    found = measured(speckle(SHAPE, 7))
    assert (found.kind, found.crystallinity, found.sets) == ("amorphous", 0, ())
    assert found.orientation_deg is None


def test_a_particle_of_one_pixel_has_no_lattice_and_numbers_may_have_gaps() -> None:
    numbers = MASK.astype(int) * 3
    numbers[2, 2] = 7
    found = measure_lattices(numbers, crystal(), GOLD, pixel_size_nm=PIXEL_NM).particles
    assert [one.number for one in found] == [3, 7]
    assert (found[1].kind, found[1].confidence) == ("amorphous", 0)
    assert measure_lattices(numbers * 0, crystal(), GOLD, pixel_size_nm=PIXEL_NM).particles == ()


@pytest.mark.parametrize("error", [0.018, -0.09, 0.15])
def test_the_lattice_shows_how_far_the_pixel_size_is_off(error: float) -> None:
    shape, numbers = (230, 700), np.zeros((230, 700), int)
    image = speckle(shape, 11)
    for number, (turn, column) in enumerate(((5, 115), (50, 350), (120, 585)), start=1):
        mask = disc(shape, 115, column, 170)
        numbers[mask] = number
        image += mask * draw_fringes(shape, zone_vectors(GOLD, "<110>", turn))
    found = measure_lattices(numbers, image, GOLD, pixel_size_nm=PIXEL_NM * (1 + error))
    summary = summarize_lattices("Au", [found.particles])
    assert summary.calibration is not None
    assert summary.calibration.deviation == pytest.approx(error, abs=0.002)
    assert summary.calibration.is_off == (abs(error) > 0.03), "three particles do not show 1.8 %"
    summary = summarize_lattices("Au", [found.particles * 5])
    assert summary.calibration is not None
    assert summary.calibration.is_off
    assert f"your pixel size is off by {abs(summary.calibration.deviation):.1%} ± " in summary.describe_calibration()
    movie = summarize_lattices("Au", [found.particles] * 5).calibration
    assert movie is not None
    assert movie.particles == 3, "the same ones in five frames"
    assert [one.zone_axes[0] for one in found.particles] == ["<110>"] * 3
    assert found.particles[0].sets[0].spacing_nm == pytest.approx(0.23544 * (1 + error), rel=0.005), "as measured"


def test_a_right_pixel_size_is_confirmed_and_too_few_particles_say_nothing() -> None:
    assert calibrate([0.001, 0.002]) is None
    confirmed = calibrate([0.001, -0.002, 0.0, 0.001])
    assert confirmed is not None
    assert not confirmed.is_off
    spread = calibrate([0.05, -0.04, 0.02, -0.03, 0.04])
    assert spread is not None
    assert not spread.is_off, "by no more than chance"


def test_what_cannot_be_measured_is_one_line() -> None:
    numbers = MASK.astype(int)
    with pytest.raises(SettingsError, match="`lattice`: expected a micrograph with a pixel size"):
        measure_lattices(numbers, crystal(), GOLD, pixel_size_nm=None)
    with pytest.raises(SettingsError, match=r"fringes of at most 0\.235 nm, which pixels of 0\.124 nm cannot show"):
        measure_lattices(numbers, crystal(), GOLD, pixel_size_nm=0.1243)
    with pytest.raises(DatasetError, match="expected the same size, received 220 x 230 px and 100 x 230 px"):
        measure_lattices(numbers, crystal()[:100], GOLD, pixel_size_nm=PIXEL_NM)


def test_the_table_of_particles_gains_columns_once_and_can_still_be_read(tmp_path: Path) -> None:
    path = tmp_path / "particles.csv"
    particles = measure_particles(MASK.astype(int))
    write_particles(path, [(1, particles), (2, particles)], pixel_size_nm=PIXEL_NM)
    found = measured(crystal())
    for _ in range(2):
        add_to_particles(path, [(1, (found,))])
    rows = rows_of(path)
    assert len(rows[0]) == len(set(rows[0]))
    assert (rows[0]["lattice_class"], rows[0]["zone_axis"], rows[0]["plane_1"]) == ("single", "<110>", "{111}")
    assert float(rows[0]["angle_deg"]) == pytest.approx(70.53, abs=0.3)
    assert rows[1]["lattice_class"] == "", "of a frame without lattices"
    assert [one[0].area_px for one in read_particles(path)] == [particles[0].area_px] * 2

    values = read_lattice_values(path)
    assert values[1, 1]["lattice_class"] == "single"
    assert values[1, 1]["spacing_1_nm"] == pytest.approx(0.2354, rel=0.003)
    assert set(values[2, 1].values()) == {None}

    write_fringes(tmp_path / "fringes.csv", [(1, (found,))])
    sets = rows_of(tmp_path / "fringes.csv")
    assert len(sets) == len(found.sets)
    assert {one["particle"] for one in sets} == {"1"}

    path.write_text("not,a,table\n1,2,3\n")
    with pytest.raises(ReadError, match="is not a table of particles"):
        add_to_particles(path, [(1, (found,))])
