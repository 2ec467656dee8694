"""Tables of particles for spreadsheets and data frames."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from pyarrow import parquet

from tem_rf.errors import SettingsError, StorageError
from tem_rf.particles.formats import tables
from tem_rf.particles.formats.choice import FORMATS, particle_formats
from tem_rf.particles.formats.tables import MeasuredImage, particle_columns, write_excel, write_parquet
from tem_rf.particles.measure import Particle, measure_particles
from tem_rf.particles.sizes import summarize_sizes, summary_rows
from tem_rf.particles.split import number_particles
from tests.helpers.discs import discs

PARTICLES = measure_particles(number_particles(discs((90, 90), (30, 30, 10), (60, 60, 15), (89, 20, 9))))
# Read as a formula, as a link, with characters that XML does not have, and longer than a cell.
NAMES = ("=HYPERLINK(1).tif", "http://a.tif", "a\x07b.tif", "[x]*?/" + "y" * 40_000)


def test_the_workbook_has_particles_images_and_summary(tmp_path: Path) -> None:
    images = [MeasuredImage(name, [PARTICLES], 0.5, (90, 90), 3) for name in NAMES]
    images.append(MeasuredImage("stack.tif", [PARTICLES[:1], (), PARTICLES[1:]]))
    sizes = summarize_sizes(images[0].particles)
    settings = {"split_touching": True, "min_diameter_nm": 2.5, "particle": "=1+1"}
    write_excel(tmp_path / "p.xlsx", images, summary_rows(sizes, 0.5), settings)
    book = openpyxl.load_workbook(tmp_path / "p.xlsx")
    assert book.sheetnames == ["particles", "images", "summary"]
    particles, of_images, summary = (list(sheet.values) for sheet in book)
    assert particles[0] == particle_columns()
    assert len(particles) == 1 + 5 * len(PARTICLES)
    first = dict(zip(particles[0], particles[1], strict=True))
    assert first["image"] == NAMES[0]
    assert first["diameter_nm"] == pytest.approx(PARTICLES[0].diameter_px / 2)
    assert first["touches_border"] is False
    last = dict(zip(particles[0], particles[-1], strict=True))
    assert (last["image"], last["frame"], last["diameter_nm"]) == ("stack.tif", 3, None)
    row = dict(zip(of_images[0], of_images[1], strict=True))
    assert (row["particles"], row["cut_by_edge"], row["n_of_mean"], row["too_small"]) == (3, 1, 2, 3)
    assert row["mean_diameter_nm"] == pytest.approx(sizes.mean_px / 2)
    values = {name: (value, unit) for name, value, unit in summary}
    assert values["n of the values below"] == (2, "")
    assert values["mean equivalent circle diameter"] == (pytest.approx(sizes.mean_px / 2), "nm")
    assert values["min_diameter_nm"][0] == 2.5
    assert values["particle"][0] == "=1+1"
    assert all(cell.data_type != "f" for sheet in book for line in sheet.iter_rows() for cell in line)
    assert book["particles"].column_dimensions["A"].width > max(map(len, NAMES[:3])), "names are shown whole"


def test_more_particles_than_a_sheet_has_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_EXCEL_ROWS", 3)
    with pytest.raises(StorageError, match=r"p\.xlsx: a sheet of Excel has 3 rows, too few for 3 particles"):
        write_excel(tmp_path / "p.xlsx", [MeasuredImage("a.tif", [PARTICLES])], [], {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("has_particles", [True, False])
def test_parquet_has_the_types_of_the_values(has_particles: bool, tmp_path: Path) -> None:
    particles = [replace(PARTICLES[0], contrast=None), *PARTICLES[1:]] if has_particles else []
    write_parquet(tmp_path / "p.parquet", [MeasuredImage("a.tif", [particles], 0.5)])
    table = parquet.read_table(tmp_path / "p.parquet")
    assert table.column_names == list(particle_columns())
    types = {name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)}
    assert (types["number"], types["area_px"], types["touches_border"]) == ("int64", "int64", "bool")
    assert (types["contrast"], types["diameter_nm"], types["image"]) == ("double", "double", "string")
    rows = table.to_pylist()
    assert len(rows) == len(particles)
    for row, one in zip(rows, particles, strict=True):
        assert {field.name: row[field.name] for field in fields(Particle)} == vars(one)
        assert row["area_nm2"] == one.area_px / 4


def test_further_columns_follow_the_usual_ones_and_may_be_of_some_particles_only(tmp_path: Path) -> None:
    values: dict[str, str | float | None] = {"lattice_class": "single", "spacing_1_nm": 0.2354}
    more = {(1, PARTICLES[1].number): values}
    images = [MeasuredImage("a.tif", [PARTICLES], 0.5), MeasuredImage("b.tif", [PARTICLES], 0.5, more=more)]
    write_parquet(tmp_path / "p.parquet", images)
    table = parquet.read_table(tmp_path / "p.parquet")
    assert table.column_names == [*particle_columns(), "lattice_class", "spacing_1_nm"]
    expected: list[tuple[str | None, float | None]] = [(None, None)] * (2 * len(PARTICLES))
    expected[len(PARTICLES) + 1] = ("single", 0.2354)
    assert [(row["lattice_class"], row["spacing_1_nm"]) for row in table.to_pylist()] == expected
    write_excel(tmp_path / "p.xlsx", images, [], {})
    assert (tmp_path / "p.xlsx").stat().st_size > 1000


def test_formats_are_found_by_name() -> None:
    assert [one.name for one in particle_formats(["Excel", "rois", "excel"])] == ["rois", "excel"]
    assert len({one.ending for one in FORMATS.values()}) == len(FORMATS)
    with pytest.raises(SettingsError, match=r"`write`: expected formats among numbered, rois, .* received 'svg'"):
        particle_formats(["svg"])
    assert np.all([one.ending.startswith("_") for one in FORMATS.values()])
