"""What lies in the beam: gold nanoparticles on a carbon film."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.nanoparticle import grow_nanoparticle
from tem_rf.data.simulation.projection import project_mask
from tem_rf.errors import SettingsError

_PLACEMENT_TRIALS = 2000
_ATOM_REACH_NM = 0.5  # an atom's potential has fallen below 1e-4 of its peak here


@dataclass(frozen=True)
class Field:
    """The simulated grid: the micrograph in the middle of a margin that is cut off in the end.

    Attributes:
        size_px: Side of the grid.
        margin_px: Pixels before the first of the micrograph.
        micrograph_px: Side of the micrograph.
        pixel_size_nm: Side of a pixel.
    """

    size_px: int
    margin_px: int
    micrograph_px: int
    pixel_size_nm: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the grid."""
        return self.size_px, self.size_px

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The micrograph's part of an image on the grid."""
        inside = slice(self.margin_px, self.margin_px + self.micrograph_px)
        return image[inside, inside]


@dataclass(frozen=True)
class Particle:
    """A nanoparticle in its place.

    Attributes:
        centre_nm: x, y from the centre of the grid's first pixel.
        diameter_nm: Nominal outer diameter.
        atoms: (n, 3) x, y, z from the corner of its patch of the grid; z from its top [nm].
        origin_px: Row and column of the patch's corner on the grid; may be negative.
        patch_px: Side of the patch.
        loss: Factor on what it scatters past the aperture, which depends on its orientation.
    """

    centre_nm: tuple[float, float]
    diameter_nm: float
    atoms: np.ndarray
    origin_px: tuple[int, int]
    patch_px: int
    loss: float

    def paste(self, patch: np.ndarray, image: np.ndarray) -> None:
        """Add a patch to the image of the grid; what reaches past the border is left out."""
        (row, column), size = self.origin_px, self.patch_px
        top, left = max(row, 0), max(column, 0)
        part = image[top : row + size, left : column + size]
        part += patch[top - row : top - row + part.shape[0], left - column : left - column + part.shape[1]]

    def mask(self, field: Field) -> np.ndarray:
        """Its shadow on the grid, (height, width) bool."""
        mask = np.zeros(field.shape, dtype=bool)
        shape = (self.patch_px, self.patch_px)
        self.paste(project_mask(self.atoms, shape=shape, pixel_size_nm=field.pixel_size_nm), mask)
        return mask


def lay_out_field(settings: SimulationSettings, reach_nm: float) -> Field:
    """Put a margin around the micrograph.

    Args:
        settings: Size and sampling.
        reach_nm: How far the image of a point spreads; FFTs wrap around, so the margin is at least this wide.
    """
    from scipy import fft

    margin_px = math.ceil(reach_nm / settings.pixel_size_nm)
    size_px = fft.next_fast_len(settings.size_px + 2 * margin_px)
    return Field(size_px, (size_px - settings.size_px) // 2, settings.size_px, settings.pixel_size_nm)


def scatter_particles(settings: SimulationSettings, field: Field, rng: Generator) -> list[Particle]:
    """Grow particles and place them at random, largest first, so that they keep their gap.

    Every centre lies in the micrograph; the border cuts some particles.

    Raises:
        SettingsError: `particle_count` particles do not fit.
    """
    diameters = np.sort(_draw_diameters(settings, rng))[::-1]
    centres = _place(diameters, settings, rng)
    if settings.particle_count is not None and len(centres) < settings.particle_count:
        raise SettingsError(
            f"particle_count: {len(centres)} of {settings.particle_count} particles of {settings.diameter_nm:g} nm "
            f"fit the field; ask for fewer, raise size_px or lower minimum_gap_nm (now {settings.minimum_gap_nm:g})."
        )
    placed = zip(centres, diameters, strict=False)  # those that found no place are left out
    return [_grow(centre, float(diameter), settings, field, rng) for centre, diameter in placed]


def _draw_diameters(settings: SimulationSettings, rng: Generator) -> np.ndarray:
    """Log-normal with the mean and relative spread of the settings: (n,) [nm]."""
    field_nm2 = (settings.size_px * settings.pixel_size_nm) ** 2
    particle_nm2 = np.pi / 4 * settings.diameter_nm**2 * (1 + settings.diameter_spread**2)
    count = settings.particle_count
    if count is None:
        count = max(1, round(settings.coverage * field_nm2 / particle_nm2)) if settings.coverage else 0
    variance = np.log1p(settings.diameter_spread**2)
    return settings.diameter_nm * np.exp(rng.normal(-variance / 2, np.sqrt(variance), count))


def _place(diameters: np.ndarray, settings: SimulationSettings, rng: Generator) -> np.ndarray:
    """Centres in the micrograph [nm], one by one at random until the next finds no place: (n or fewer, 2)."""
    centres = np.empty((0, 2))
    field_nm = settings.size_px * settings.pixel_size_nm
    for index, diameter in enumerate(diameters):
        trials = rng.uniform(0, field_nm, (_PLACEMENT_TRIALS, 2))
        distances = np.linalg.norm(trials[:, None] - centres, axis=-1)  # (trials, placed)
        free = (distances >= (diameters[:index] + diameter) / 2 + settings.minimum_gap_nm).all(axis=1)
        if not free.any():
            break
        centres = np.concatenate([centres, trials[free][:1]])
    return centres


def _grow(
    centre_nm: np.ndarray, diameter_nm: float, settings: SimulationSettings, field: Field, rng: Generator
) -> Particle:
    from scipy import fft

    pixel_nm = field.pixel_size_nm
    atoms = grow_nanoparticle(diameter_nm, rng)
    centre = centre_nm + field.margin_px * pixel_nm
    patch_px = fft.next_fast_len(math.ceil((diameter_nm + 2 * _ATOM_REACH_NM) / pixel_nm) + 1, real=True)
    origin = np.rint(centre / pixel_nm).astype(int) - patch_px // 2
    corner = np.array([*(centre - origin * pixel_nm), -atoms[:, 2].min(initial=0)])
    return Particle(
        centre_nm=(float(centre[0]), float(centre[1])),
        diameter_nm=diameter_nm,
        atoms=atoms + corner,
        origin_px=(int(origin[1]), int(origin[0])),
        patch_px=patch_px,
        loss=float(rng.lognormal(0, settings.diffraction_contrast)),
    )
