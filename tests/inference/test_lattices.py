"""The lattices of a segmented file are measured at the pixel size of the micrograph, written once, and found again."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_rf.config.segmentation import SegmentSettings
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import ReadError, SettingsError
from tem_rf.inference.lattices import add_lattices, check_lattice
from tem_rf.inference.results import SegmentedFile
from tem_rf.lattice.structure import read_structure
from tem_rf.particles.measure import measure_particles
from tem_rf.particles.sizes import summarize_sizes
from tem_rf.particles.table import write_particles
from tests.helpers.drawn_lattice import PIXEL_NM, disc, draw_fringes, speckle, zone_vectors

SHAPE = (240, 420)


@pytest.fixture
def segmented(tmp_path: Path) -> SegmentedFile:
    """A crystal and an amorphous particle, found at half the resolution of the micrograph."""
    crystal, amorphous = disc(SHAPE, 120, 110, 160), disc(SHAPE, 120, 310, 150)
    fringes = crystal * draw_fringes(SHAPE, zone_vectors(read_structure("au"), "<110>", 30))
    image, output = tmp_path / "au.tif", tmp_path / "out"
    counts = 1000 + 60 * (speckle(SHAPE, 3) + fringes)
    write_tiff(image, counts.astype(np.uint16), pixel_size_nm=PIXEL_NM)
    numbers = (crystal + 2 * amorphous).astype(np.uint16)[::2, ::2]
    files = {"instances": output / "au_instances.tif", "particles": output / "au_particles.csv"}
    write_tiff(files["instances"], numbers, pixel_size_nm=2 * PIXEL_NM)
    particles = measure_particles(numbers.astype(int))
    write_particles(files["particles"], [(1, particles)], pixel_size_nm=2 * PIXEL_NM)
    return SegmentedFile(
        image, files, 1, 0.2, 2 * PIXEL_NM, summarize_sizes(particles), 0, 8.0, None, None, ("a note",)
    )


def measure(segmented: SegmentedFile, lattice: str = "au") -> SegmentedFile:
    return add_lattices(segmented, segmented.files["particles"].parent, lattice, SegmentSettings())


def test_lattices_are_in_the_table_the_map_and_the_result(segmented: SegmentedFile) -> None:
    result = measure(segmented)
    assert result.lattices is not None
    assert result.lattices.kinds == {"single": 1, "amorphous": 1}
    with result.files["particles"].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["zone_axis"] for row in rows] == ["<110>", ""]
    assert float(rows[0]["spacing_1_nm"]) == pytest.approx(0.23544, rel=0.005)
    orientation = tifffile.imread(result.files["orientation"])
    assert orientation.shape == SHAPE
    assert orientation.dtype == np.float32
    assert np.isfinite(orientation[120, 110])
    assert np.isnan(orientation[:, 220:]).mean() > 0.98
    assert result.files["lattice"].stat().st_size > 10_000
    assert result.notes == ("a note", "au.tif: the pixel size cannot be checked: expected at least 3 particles with "
                            "fringes of two directions")  # fmt: skip
    assert json.loads(json.dumps(result.lattices.to_json()))["planes"][0]["plane"] == "{111}"


def test_what_was_measured_is_not_measured_again_unless_something_changed(segmented: SegmentedFile) -> None:
    first = measure(segmented)
    written = first.files["fringes"].stat().st_mtime_ns
    assert measure(segmented) == first
    assert first.files["fringes"].stat().st_mtime_ns == written
    other = measure(segmented, "pd")
    assert other.lattices is not None
    assert other.lattices.lattice == "Pd"


def test_a_file_that_cannot_show_the_lattice_is_refused_before_it_is_segmented(
    segmented: SegmentedFile, tmp_path: Path
) -> None:
    check_lattice(segmented.image, "au", SegmentSettings())
    with pytest.raises(SettingsError, match="`lattice`: expected one of Au"):
        check_lattice(segmented.image, "gold", SegmentSettings())
    with pytest.raises(SettingsError, match=r"pixels of 0\.2 nm cannot show"):
        check_lattice(segmented.image, "au", SegmentSettings(pixel_size_nm=0.2))
    write_tiff(tmp_path / "unscaled.tif", np.zeros((64, 64), np.uint16))
    with pytest.raises(SettingsError, match=r"unscaled\.tif: `lattice`: expected a micrograph with a pixel size"):
        check_lattice(tmp_path / "unscaled.tif", "au", SegmentSettings())


def test_a_table_that_is_gone_is_one_line(segmented: SegmentedFile) -> None:
    segmented.files["particles"].unlink()
    with pytest.raises(ReadError, match=r"au_particles\.csv: is not a table of particles"):
        measure(replace(segmented))
