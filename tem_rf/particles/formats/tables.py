"""Write the particles of one micrograph or of many as Excel workbook or Parquet file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from tem_rf.errors import ModelError, StorageError
from tem_rf.files import readable, replacing_file
from tem_rf.particles.measure import Particle
from tem_rf.particles.sizes import summarize_sizes

_EXCEL_ROWS = 2**20  # of a sheet, the heading included
_EXCEL_CHARACTERS = 32_767  # of a cell
_WIDEST_COLUMN = 60  # characters; longer texts are cut by the next cell
_LENGTHS = tuple(one.name for one in fields(Particle) if one.name.endswith("_px") and one.name != "area_px")


@dataclass(frozen=True)
class MeasuredImage:
    """The particles of a micrograph, stack or movie.

    Attributes:
        name: Name of its file.
        frames: The particles of each frame, lengths in px.
        pixel_size_nm: Pixel size [nm]; None if not known.
        shape: Height and width [px]; None if not known.
        left_out: Number of regions below the minimum diameter.
        more: Further columns, texts or numbers, by the numbers of frame and particle.
    """

    name: str
    frames: Sequence[Sequence[Particle]]
    pixel_size_nm: float | None = None
    shape: tuple[int, int] | None = None
    left_out: int = 0
    more: Mapping[tuple[int, int], Mapping[str, str | float | None]] = field(default_factory=dict)

    @property
    def particles(self) -> list[Particle]:
        """The particles of all frames."""
        return [particle for frame in self.frames for particle in frame]


def particle_columns(images: Sequence[MeasuredImage] = ()) -> tuple[str, ...]:
    """Columns of the table of particles, with lengths in px and nm, and the further columns of the images."""
    further = dict.fromkeys(name for image in images for row in image.more.values() for name in row)
    return (
        *("image", "frame"),
        *(one.name for one in fields(Particle)),
        *(f"{name.removesuffix('px')}nm" for name in _LENGTHS),
        "area_nm2",
        *further,
    )


def particle_rows(images: Sequence[MeasuredImage]) -> Iterator[tuple[Any, ...]]:
    """A row per particle and frame, in the order of the columns; None where a value is not known."""
    names = [one.name for one in fields(Particle)]
    further = particle_columns(images)[len(particle_columns()) :]
    for image in images:
        size, name = image.pixel_size_nm, readable(image.name)
        for frame, particles in enumerate(image.frames, start=1):
            for one in particles:
                lengths = (None if size is None else getattr(one, length) * size for length in _LENGTHS)
                area = None if size is None else one.area_px * size**2
                more = image.more.get((frame, one.number), {})
                own = (getattr(one, attribute) for attribute in names)
                yield (name, frame, *own, *lengths, area, *map(more.get, further))


def write_excel(
    path: Path,
    images: Sequence[MeasuredImage],
    summary: Sequence[tuple[str, Any, str]],
    settings: Mapping[str, Any],
) -> None:
    """Write a workbook with the sheets `particles`, `images` and `summary`.

    Args:
        path: .xlsx file to write, atomically.
        images: The micrographs; texts such as their names are never read as formulas.
        summary: Rows of the summary: quantity, value, unit.
        settings: Settings that led to these particles, by name, listed below the summary.

    Raises:
        StorageError: There are more particles than a sheet has rows; the disk is full or the location is not writable.
    """
    import xlsxwriter

    count = sum(len(image.particles) for image in images)
    if count >= _EXCEL_ROWS:
        raise StorageError(
            f"{path}: a sheet of Excel has {_EXCEL_ROWS} rows, too few for {count} particles; write the format "
            "parquet, or use the CSV file."
        )
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with replacing_file(path) as beside, xlsxwriter.Workbook(beside, options) as book:
        bold = book.add_format({"bold": True})
        _write_sheet(book, "particles", particle_columns(images), particle_rows(images), bold)
        _write_sheet(book, "images", *_images_sheet(images), bold)
        rows = [*summary, ("", "", ""), ("setting", "value", "")]
        rows += [(name, _as_cell(value), "") for name, value in settings.items()]
        _write_sheet(book, "summary", ("quantity", "value", "unit"), rows, bold)


def write_parquet(path: Path, images: Sequence[MeasuredImage]) -> None:
    """Write the table of particles as Parquet, for pandas, polars, R and DuckDB.

    Args:
        path: .parquet file to write, atomically.
        images: The micrographs.

    Raises:
        ModelError: The package pyarrow is not installed.
        StorageError: The disk is full or the location is not writable.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ModelError("`write`: parquet needs the package pyarrow; run: pip install 'tem-rf[tables]'") from error
    types: dict[Any, Any] = {int: pyarrow.int64(), bool: pyarrow.bool_(), str: pyarrow.string()}
    kinds = {one.name: one.type for one in fields(Particle)} | {"image": str, "frame": int}
    columns = particle_columns(images)
    kinds |= {
        name: str for image in images for row in image.more.values() for name in row if isinstance(row[name], str)
    }
    values = list(zip(*particle_rows(images), strict=True)) or [()] * len(columns)
    arrays = [
        pyarrow.array(list(cells), types.get(kinds.get(name, float), pyarrow.float64()))
        for name, cells in zip(columns, values, strict=True)
    ]
    with replacing_file(path) as beside:
        parquet.write_table(pyarrow.Table.from_arrays(arrays, names=list(columns)), beside)


def _images_sheet(images: Sequence[MeasuredImage]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    columns = (
        *("image", "frames", "height_px", "width_px", "pixel_size_nm", "particles", "cut_by_edge", "too_small"),
        *("mean_diameter_px", "mean_diameter_nm", "n_of_mean", "sd_diameter_nm", "polydispersity"),
    )
    rows = []
    for image in images:
        sizes, nm = summarize_sizes(image.particles), image.pixel_size_nm
        height, width = image.shape or (None, None)
        rows.append(
            (
                *(readable(image.name), len(image.frames), height, width, nm),
                *(sizes.count, sizes.count - sizes.whole, image.left_out, sizes.mean_px),
                *(_scaled(sizes.mean_px, nm), sizes.whole, _scaled(sizes.sd_px, nm), sizes.polydispersity),
            )
        )
    return columns, rows


def _scaled(length_px: float | None, pixel_size_nm: float | None) -> float | None:
    return None if length_px is None or pixel_size_nm is None else length_px * pixel_size_nm


def _write_sheet(book: Any, name: str, columns: Sequence[str], rows: Any, bold: Any) -> None:
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, columns, bold)
    sheet.freeze_panes(1, 0)
    widths = [max(10, len(title) + 2) for title in columns]
    for index, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(index, column, value[:_EXCEL_CHARACTERS])
                widths[column] = max(widths[column], min(len(value) + 2, _WIDEST_COLUMN))
            elif isinstance(value, bool):
                sheet.write_boolean(index, column, value)
            elif value is not None:
                sheet.write_number(index, column, value)
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)


def _as_cell(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else readable(str(value))
