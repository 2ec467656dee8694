"""What is in the beam: nanoparticles above, below and within a carbon film, alone, touching and grown together."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.crystals import Crystal, crystal
from tem_rf.data.simulation.nanoparticle import Nanoparticle, grow_nanoparticle
from tem_rf.data.simulation.projection import project_mask
from tem_rf.data.simulation.scattering import CARBON, Element
from tem_rf.errors import SettingsError

_PLACEMENT_TRIALS = 2000
_CONTACT_TRIALS = 200
_ATOM_REACH_NM = 0.5  # an atom's potential has fallen below 1e-4 of its peak here
_RIM_REACH_NM = 1.4  # of the thickest rim
_LEAST_DIAMETER_NM = 0.8
_SMALL = (0.3, 0.7)  # diameters of small particles beside large ones
_MOST_ATOMS = 20_000_000
_MOST_PARTICLES = 10_000  # whose distances are compared one by one
_LARGEST_GRID_PX = 10_240  # a wave of it takes 0.8 GB
_FUSED = 0.85  # of the distance of neighbours; atoms of a particle that come closer to another's are left out

Contact = Literal["none", "touching", "grown together", "overlapping"]
# Distance of centres over the sum of radii. Facets and dents lie inside the outer diameter, so that particles which
# touch are a little closer than that; overlapping ones lie on the other side of the film.
_DISTANCES: dict[Contact, tuple[float, float]] = {
    "touching": (0.88, 1.0),
    "grown together": (0.6, 0.88),
    "overlapping": (0.35, 0.9),
}


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


@dataclass(frozen=True, eq=False)
class Particle:
    """A nanoparticle in its place.

    Attributes:
        centre_nm: x, y from the centre of the grid's first pixel.
        diameter_nm: Nominal outer diameter.
        atoms: (n, 3) x, y from the corner of its patch of the grid; z from the upper face of the film, downward [nm].
        species: (n,) index of each atom's element.
        elements: Elements of the crystal, and carbon, that of the rim.
        origin_px: Row and column of the patch's corner on the grid; may be negative.
        patch_px: Side of the patch.
        loss: Factor on what it scatters out of the image, which depends on its orientation.
        orientation: (3, 3) rotation from the frame of the crystal's cell to the microscope's.
        defect: What the crystal is, as in `Nanoparticle`.
        contact: How it meets another particle that was placed before.
        is_below: Whether it is below the film.
    """

    centre_nm: tuple[float, float]
    diameter_nm: float
    atoms: np.ndarray
    species: np.ndarray
    elements: tuple[Element, ...]
    origin_px: tuple[int, int]
    patch_px: int
    loss: float
    orientation: np.ndarray
    defect: str = "single"
    contact: Contact = "none"
    is_below: bool = False

    @property
    def own(self) -> np.ndarray:
        """Its atoms without the rim."""
        return self.atoms[self.species < len(self.elements) - 1]

    def region(self, image: np.ndarray) -> tuple[np.ndarray, tuple[slice, slice]]:
        """The part of the grid's image that its patch covers, and the part of the patch that is on the grid."""
        (row, column), size = self.origin_px, self.patch_px
        top, left = max(row, 0), max(column, 0)
        part = image[top : max(row + size, 0), left : max(column + size, 0)]
        return part, (slice(top - row, top - row + part.shape[0]), slice(left - column, left - column + part.shape[1]))

    def shadow(self, field: Field) -> np.ndarray:
        """Its shadow on its patch, (patch, patch) bool."""
        return project_mask(self.own, shape=(self.patch_px, self.patch_px), pixel_size_nm=field.pixel_size_nm)


def lay_out_field(settings: SimulationSettings, reach_nm: float) -> Field:
    """Put a margin around the micrograph.

    Args:
        settings: Size and sampling.
        reach_nm: How far the image of a point spreads; FFTs wrap around, so the margin is at least this wide.

    Raises:
        SettingsError: The field and its margin are too large for memory.
    """
    from scipy import fft

    margin_px = math.ceil(reach_nm / settings.pixel_size_nm)
    if settings.size_px + 2 * margin_px > _LARGEST_GRID_PX:
        raise SettingsError(
            f"`size_px`: {settings.size_px} px and a margin of {margin_px} px, as far as defocus, drift and blur "
            f"reach, are more than the {_LARGEST_GRID_PX} px that can be simulated; lower `size_px` or "
            "`defocus_nm`, or raise `pixel_size_nm`."
        )
    size_px = fft.next_fast_len(settings.size_px + 2 * margin_px)
    return Field(size_px, (size_px - settings.size_px) // 2, settings.size_px, settings.pixel_size_nm)


def scatter_particles(settings: SimulationSettings, field: Field, film_nm: float, rng: Generator) -> list[Particle]:
    """Grow particles and place them at random, largest first: by themselves, with their gap, or at another.

    Every centre is in the micrograph; the border cuts some particles.

    Args:
        settings: Material, sizes, shapes and places.
        field: The grid.
        film_nm: Thickness of the film [nm].
        rng: Draws all of it.

    Raises:
        SettingsError: `particle_count` particles do not fit, or they would hold too many atoms.
        ReadError: The material is a CIF file that cannot be used.
    """
    matter = crystal(settings.material)
    diameters = np.sort(_draw_diameters(settings, rng))[::-1]
    atoms = matter.atoms_per_nm3 * np.pi / 6 * float((diameters**3).sum())
    if atoms > _MOST_ATOMS:
        raise SettingsError(
            f"`diameter_nm`: {len(diameters)} particles of {settings.diameter_nm:g} nm of {matter.material} would hold "
            f"{atoms:.2g} atoms, expected at most {_MOST_ATOMS:.0g}; lower `size_px`, `coverage` or `diameter_nm`."
        )
    places = _place(diameters, settings, rng)
    if settings.particle_count is not None and len(places) < settings.particle_count:
        raise SettingsError(
            f"`particle_count`: {len(places)} of {settings.particle_count} particles of {settings.diameter_nm:g} nm "
            f"fit the field; ask for fewer, raise `size_px` or lower `minimum_gap_nm` (now "
            f"{settings.minimum_gap_nm:g})."
        )
    placed: list[Particle] = []
    for place, diameter in zip(places, diameters, strict=False):  # those that found no place are left out
        partner = placed[place.partner] if place.partner is not None else None
        grown = grow_nanoparticle(float(diameter), settings, rng)
        particle = _put(grown, place, partner, float(diameter), matter, settings, field, film_nm, rng)
        placed.append(_fuse(particle, partner, matter, field) if partner is not None else particle)
    return placed


def _draw_diameters(settings: SimulationSettings, rng: Generator) -> np.ndarray:
    """Log-normal with the mean and relative spread of the settings, some of them small: (n,) [nm]."""
    field_nm2 = (settings.size_px * settings.pixel_size_nm) ** 2
    low, high = _SMALL
    small_area = (high**3 - low**3) / (high - low) / 3
    particle_nm2 = np.pi / 4 * settings.diameter_nm**2 * (1 + settings.diameter_spread**2)
    particle_nm2 *= 1 - settings.small_particles * (1 - small_area)
    count = settings.particle_count
    if count is None:
        count = max(1, round(settings.coverage * field_nm2 / particle_nm2)) if settings.coverage else 0
    if count > _MOST_PARTICLES:
        raise SettingsError(
            f"`{'coverage' if settings.particle_count is None else 'particle_count'}`: {count} particles of "
            f"{settings.diameter_nm:g} nm in a micrograph, expected at most {_MOST_PARTICLES}; ask for fewer or larger "
            "ones."
        )
    variance = np.log1p(settings.diameter_spread**2)
    diameters = settings.diameter_nm * np.exp(rng.normal(-variance / 2, np.sqrt(variance), count))
    is_small = rng.random(count) < settings.small_particles
    if settings.small_particles < 1:
        is_small[:1] = False  # small ones are beside a large one
    factor = np.where(is_small, rng.uniform(low, high, count), 1.0)
    return np.maximum(diameters * factor, min(_LEAST_DIAMETER_NM, settings.diameter_nm))


@dataclass(frozen=True)
class _Place:
    """Centre in the micrograph [nm], and at which of those before."""

    centre_nm: np.ndarray
    contact: Contact = "none"
    partner: int | None = None


def _place(diameters: np.ndarray, settings: SimulationSettings, rng: Generator) -> list[_Place]:
    """Places one by one at random until the next finds none."""
    places: list[_Place] = []
    centres = np.empty((0, 2))
    field_nm = settings.size_px * settings.pixel_size_nm
    for index, diameter in enumerate(diameters):
        place = None
        if index and rng.random() < settings.touching:
            place = _place_at_another(diameter, diameters[:index], centres, field_nm, rng)
        if place is None:
            trials = rng.uniform(0, field_nm, (_PLACEMENT_TRIALS, 2))
            distances = np.linalg.norm(trials[:, None] - centres, axis=-1)  # (trials, placed)
            free = (distances >= (diameters[:index] + diameter) / 2 + settings.minimum_gap_nm).all(axis=1)
            if not free.any():
                break
            place = _Place(trials[free][0])
        places.append(place)
        centres = np.concatenate([centres, place.centre_nm[None]])
    return places


def _place_at_another(
    diameter: float, placed: np.ndarray, centres: np.ndarray, field_nm: float, rng: Generator
) -> _Place | None:
    """A place at one of the particles before that is clear of the others; None where there is none."""
    contact = list(_DISTANCES)[rng.choice(len(_DISTANCES), p=[0.45, 0.3, 0.25])]
    partners = rng.integers(len(placed), size=_CONTACT_TRIALS)
    angles = rng.uniform(0, 2 * np.pi, _CONTACT_TRIALS)
    distance = (placed[partners] + diameter) / 2 * rng.uniform(*_DISTANCES[contact], _CONTACT_TRIALS)
    trials = centres[partners] + distance[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    apart = np.linalg.norm(trials[:, None] - centres, axis=-1) >= 0.9 * (placed + diameter) / 2
    apart[np.arange(_CONTACT_TRIALS), partners] = True
    free = apart.all(axis=1) & (trials >= 0).all(axis=1) & (trials <= field_nm).all(axis=1)
    if not free.any():
        return None
    found = int(np.argmax(free))
    return _Place(trials[found], contact, int(partners[found]))


def _put(
    grown: Nanoparticle,
    place: _Place,
    partner: Particle | None,
    diameter_nm: float,
    matter: Crystal,
    settings: SimulationSettings,
    field: Field,
    film_nm: float,
    rng: Generator,
) -> Particle:
    from scipy import fft

    pixel_nm = field.pixel_size_nm
    is_below = bool(rng.random() < settings.below)
    if partner is not None:
        is_below = partner.is_below != (place.contact == "overlapping")
    sunk = rng.uniform(0, settings.sinking) * diameter_nm
    z = grown.atoms[:, 2]
    lift = film_nm - sunk - z.min(initial=0) if is_below else min(sunk, film_nm) - z.max(initial=0)
    centre = place.centre_nm + field.margin_px * pixel_nm
    reach = _ATOM_REACH_NM + (_RIM_REACH_NM if len(grown.rim) else 0)
    patch_px = fft.next_fast_len(math.ceil((diameter_nm + 2 * reach) / pixel_nm) + 1, real=True)
    origin = np.rint(centre / pixel_nm).astype(int) - patch_px // 2
    corner = np.array([*(centre - origin * pixel_nm), lift])
    return Particle(
        centre_nm=(float(centre[0]), float(centre[1])),
        diameter_nm=diameter_nm,
        atoms=np.concatenate([grown.atoms, grown.rim]) + corner,
        species=np.concatenate([grown.species, np.full(len(grown.rim), len(matter.elements))]).astype(int),
        elements=(*matter.elements, CARBON),
        origin_px=(int(origin[1]), int(origin[0])),
        patch_px=patch_px,
        loss=float(rng.lognormal(0, settings.diffraction_contrast)),
        orientation=grown.orientation,
        defect=grown.defect,
        contact=place.contact,
        is_below=is_below,
    )


def _fuse(particle: Particle, partner: Particle, matter: Crystal, field: Field) -> Particle:
    """Leave out what would be within the partner: particles that have grown together share a boundary."""
    from dataclasses import replace

    from scipy.spatial import KDTree

    def on_grid(one: Particle, atoms: np.ndarray) -> np.ndarray:
        row, column = one.origin_px
        return atoms + np.array([column, row, 0]) * field.pixel_size_nm

    if not len(partner.own) or not len(particle.atoms):
        return particle
    distance, _ = KDTree(on_grid(partner, partner.own)).query(
        on_grid(particle, particle.atoms), distance_upper_bound=_FUSED * matter.neighbour_nm
    )
    kept = np.isinf(distance)
    return replace(particle, atoms=particle.atoms[kept], species=particle.species[kept])
