"""One frame of a segmented file with its particles, for the viewer; read in worker threads."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tem_rf.particles.measure import Particle
from tem_rf_tui.painting import Picture

Order = Literal["size", "confidence", "contrast", "number"]


@dataclass(frozen=True, eq=False)
class SegmentedFrame:
    """A frame.

    Attributes:
        index: Its index, from 0.
        count: Number of frames in the file.
        picture: The micrograph with its mask.
        particles: The particles in it.
    """

    index: int
    count: int
    picture: Picture
    particles: tuple[Particle, ...]

    @property
    def orders(self) -> list[Order]:
        """The orders in which one can step through the particles."""
        known = any(one.confidence is not None for one in self.particles)  # not in tables of earlier versions
        return ["size", "confidence" if known else "contrast", "number"]

    def ordered(self, order: Order) -> list[Particle]:
        """Return the particles, the largest first, or those with the lowest confidence."""
        keys = {
            "size": lambda particle: -particle.area_px,
            "confidence": lambda particle: 1.0 if particle.confidence is None else particle.confidence,
            "contrast": lambda particle: abs(particle.contrast or 0.0),
            "number": lambda particle: particle.number,
        }
        return sorted(self.particles, key=keys[order])


def read_segmented(folder: Path, row: Mapping[str, Any], index: int) -> SegmentedFrame:
    """Read a frame.

    Args:
        folder: The working folder, to which the paths are relative.
        row: The result of `tem-rf segment` for the file, as JSON.
        index: Index of the frame; taken modulo the number of frames.

    Raises:
        TemRfError: A file is missing or damaged.
    """
    from tem_rf.data.readers import read_frame
    from tem_rf.particles.table import read_particles

    micrograph, count = read_frame(folder / row["image"], index)
    index %= count
    mask = read_frame(folder / row["mask"], index)[0].pixels > 0
    size_nm = row.get("pixel_size_nm")
    frames = read_particles(folder / row["particles"], count) if "particles" in row else []
    picture = Picture(micrograph.pixels, mask if mask.shape == micrograph.pixels.shape else None, size_nm)
    particles = tuple(frames[index]) if index < len(frames) else ()
    return SegmentedFrame(index, count, picture, particles)


def particle_text(frame: SegmentedFrame, particle: Particle, place: int, order: Order) -> str:
    """Return the measurements of a particle on one line."""
    size_nm = frame.picture.pixel_size_nm
    scale, unit = (1.0, "px") if size_nm is None else (size_nm, "nm")
    parts = [
        f"particle {particle.number} ({place + 1} of {len(frame.particles)} by {order})",
        f"diameter {particle.diameter_px * scale:.3g} {unit}",
        f"longest {particle.feret_max_px * scale:.3g} {unit}",
        f"circularity {particle.circularity:.2f}",
    ]
    if particle.contrast is not None:
        parts.append(f"contrast {particle.contrast:+.2f} SD")
    if particle.confidence is not None:
        parts.append(f"confidence {particle.confidence:.2f}")
    if particle.touches_border:
        parts.append("cut by an edge")
    return ", ".join(parts)


def slider(index: int, count: int, width: int = 40) -> str:
    """Return the position of a frame among all as a line.

    >>> slider(0, 5, 9), slider(2, 5, 9), slider(4, 5, 9)
    ('●────────', '────●────', '────────●')
    """
    place = round(index / max(1, count - 1) * (width - 1))
    return f"{'─' * place}●{'─' * (width - 1 - place)}"
