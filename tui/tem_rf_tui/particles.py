"""The particles of a segmented file, from the table that `tem-rf segment` writes."""

import csv
from dataclasses import dataclass
from pathlib import Path

from tem_rf.errors import ReadError

SHOWN_PARTICLES = 500  # a screen is no place for more; the table on disk has them all


@dataclass(frozen=True)
class ParticleList:
    """Particles of one file.

    Attributes:
        path: The table on disk.
        unit: `nm`, or `px` where a pixel has no size.
        columns: Titles of the columns.
        rows: Cells of the first particles.
        count: Number of all particles.
        diameters: Of discs of equal area, of the particles that no edge cuts.
    """

    path: Path
    unit: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    count: int
    diameters: tuple[float, ...]


def read_particles(path: Path) -> ParticleList:
    """Read a table of particles.

    Raises:
        ReadError: It is gone, or no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            unit = "nm" if "diameter_nm" in (table.fieldnames or ()) else "px"
            particles = list(table)
        whole = [particle for particle in particles if particle["touches_border"] != "True"]
        diameters = tuple(float(particle[f"diameter_{unit}"]) for particle in whole)
        area = "area_nm2" if unit == "nm" else "area_px"
        titles = {
            "frame": "frame", "number": "particle", f"diameter_{unit}": f"diameter {unit}",
            area: f"area {unit}²", f"feret_max_{unit}": f"longest {unit}", f"feret_min_{unit}": f"shortest {unit}",
            "circularity": "circularity", "touches_border": "cut by the edge",
        }  # fmt: skip
        rows = tuple(tuple(_cell(one[key]) for key in titles) for one in particles[:SHOWN_PARTICLES])
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ReadError(f"{path}: is no table of particles ({error}); segment the file again.") from error
    return ParticleList(path, unit, tuple(titles.values()), rows, len(particles), diameters)


def _cell(text: str) -> str:
    """A number to three digits; yes or no.

    >>> _cell("3.14159"), _cell("12"), _cell("True")
    ('3.14', '12', 'yes')
    """
    if text in ("True", "False"):
        return "yes" if text == "True" else "no"
    return f"{float(text):.3g}" if "." in text or "e" in text else text
