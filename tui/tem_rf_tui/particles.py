"""The particles of a segmented file, formatted for the app."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tem_rf.particles.measure import Particle

Box = tuple[float, float, float, float]
"""First row, first column, height and width [px]."""

_MARGIN_PX = 3.0  # between a particle and the frame around it
# Title of a column, and its name in the table.
_LATTICE = {
    "lattice": "lattice_class",
    "zone axis": "zone_axis",
    "plane": "plane_1",
    "spacing nm": "spacing_1_nm",
    "orientation °": "orientation_deg",
}
SHOWN_PARTICLES = 500  # enough for a screen; the table on disk has all


@dataclass(frozen=True)
class ParticleList:
    """Particles of one file.

    Attributes:
        path: The table on disk.
        unit: `nm`, or `px` if the pixel size is unknown.
        columns: Titles of the columns.
        rows: Cells of the first particles.
        count: Number of all particles.
        boxes: Frame, from 1, of each row, and the box around its particle [px].
        diameters: Equivalent diameters of the particles that do not touch the border.
    """

    path: Path
    unit: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    count: int
    boxes: tuple[tuple[int, Box], ...]
    diameters: tuple[float, ...]


def list_particles(path: Path, pixel_size_nm: float | None) -> ParticleList:
    """Read a table of particles.

    Args:
        path: Table written by `tem-rf segment`.
        pixel_size_nm: Pixel size [nm], if known.

    Raises:
        ReadError: The file is missing or not a table of particles.
    """
    from tem_rf.lattice.table import read_lattice_columns
    from tem_rf.particles.table import read_particles

    unit, side = ("px", 1.0) if pixel_size_nm is None else ("nm", pixel_size_nm)
    columns: tuple[str, ...] = (
        "frame", "particle", f"diameter {unit}", f"area {unit}²", f"longest {unit}", f"shortest {unit}",
        "circularity", "touches border",
    )  # fmt: skip
    numbered = [(frame, one) for frame, particles in enumerate(read_particles(path), start=1) for one in particles]
    lattices = read_lattice_columns(path, tuple(_LATTICE.values()))
    has_confidence = any(one.confidence is not None for _, one in numbered)  # not in tables of earlier versions
    columns += ("confidence",) * has_confidence
    columns += tuple(_LATTICE) if lattices else ()
    rows = tuple(
        (
            str(frame),
            str(one.number),
            f"{one.diameter_px * side:.3g}",
            str(one.area_px) if pixel_size_nm is None else f"{one.area_px * side**2:.3g}",
            f"{one.feret_max_px * side:.3g}",
            f"{one.feret_min_px * side:.3g}",
            f"{one.circularity:.3g}",
            "yes" if one.touches_border else "no",
            *(["–" if one.confidence is None else f"{one.confidence:.2f}"] * has_confidence),
            *(lattices[frame, one.number].values() if lattices else ()),
        )
        for frame, one in numbered[:SHOWN_PARTICLES]
    )
    boxes = tuple((frame, box_of(one)) for frame, one in numbered[:SHOWN_PARTICLES])
    diameters = tuple(one.diameter_px * side for _, one in numbered if not one.touches_border)
    return ParticleList(path, unit, columns, rows, len(numbered), boxes, diameters)


def box_of(particle: "Particle") -> Box:
    """Return the frame to draw around a particle: first row, first column, height and width [px]."""
    side = particle.feret_max_px + 2 * _MARGIN_PX
    return particle.y_px - side / 2, particle.x_px - side / 2, side, side
