"""The specimen as the beam meets it: a sequence of thin slices, each a complex transmission.

Slices carry the phase shift of the projected potential and, where the microscope has an objective aperture, amplitude
contrast. Electrons scattered past the aperture, or past what the grid can carry, are lost to the image; atom by atom
this is the cross section beyond that angle, from the same scattering factors, and a slice transmits exp(-loss / 2).
So a field at 0.1243 nm/px, whose grid ends below the first reflection of gold (4.25 / nm) and resolves no lattice,
still darkens particles as the lattice does: reflections carry the intensity out. How much of it depends on how the
crystal lies to the beam, which the cross section of single atoms cannot know: `Particle.loss` varies it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.carbon import carbon_sheet
from tem_rf.data.simulation.projection import BAND_LIMIT, project_density, project_phase
from tem_rf.data.simulation.scattering import CARBON, GOLD, Element, cross_section_beyond, wavelength_nm
from tem_rf.data.simulation.specimen import Field, Particle

# A film over a large field would be millions of atoms (2.7 million at 4096 px), so two sheets made once lie over each
# other, each repeated, shifted, flipped and turned at random. Sheets repeat without a seam, and their periods have no
# common multiple within a field, so the film never repeats as a whole. A patch of 512 px is smaller than a period; in
# the FFT of a field three periods wide the repeats show as a fine mesh on the Thon rings.
_SHEET_PERIODS_NM = (14.3, 17.9)


def slices(
    particles: Sequence[Particle], carbon_nm: float, settings: SimulationSettings, field: Field, rng: Generator
) -> Iterator[tuple[np.ndarray, float]]:
    """Transmissions from the top down: the particles, which stand on the film, then the film.

    Args:
        particles: In their places.
        carbon_nm: Thickness of the film [nm].
        settings: Sampling, voltage and aperture.
        field: The grid.
        rng: Shifts and turns the film.

    Yields:
        (height, width) complex64 and the thickness of the slice [nm].
    """
    beam = _Beam.of(settings)
    yield from _particle_slices(particles, settings.slice_thickness_nm, beam, field)
    yield from _film_slices(carbon_nm, settings, beam, field, rng)


@dataclass(frozen=True)
class _Beam:
    """What of the settings decides how atoms act on the wave; `lost_nm2` is a cross section per element."""

    voltage_kv: float
    pixel_size_nm: float
    lost_nm2: dict[str, float] | None

    @classmethod
    def of(cls, settings: SimulationSettings) -> "_Beam":
        lost = None
        if settings.objective_aperture_mrad is not None:
            aperture = settings.objective_aperture_mrad * 1e-3 / wavelength_nm(settings.voltage_kv)  # 1/nm
            edge = min(aperture, BAND_LIMIT / (2 * settings.pixel_size_nm))
            lost = {atom.symbol: cross_section_beyond(atom, edge, settings.voltage_kv) for atom in (CARBON, GOLD)}
        return cls(settings.voltage_kv, settings.pixel_size_nm, lost)

    @property
    def dtype(self) -> type:
        return np.float32 if self.lost_nm2 is None else np.complex64

    def path(self, atoms: np.ndarray, element: Element, size_px: int, loss: float = 1.0) -> np.ndarray:
        """Phase shift plus, as imaginary part, half the loss: exp(i path) transmits. (size, size) of `dtype`."""
        shape = (size_px, size_px)
        phase = project_phase(atoms, element, shape=shape, pixel_size_nm=self.pixel_size_nm, voltage_kv=self.voltage_kv)
        if self.lost_nm2 is None:
            return phase
        density = project_density(atoms, shape=shape, pixel_size_nm=self.pixel_size_nm)
        return phase + np.complex64(0.5j * loss * self.lost_nm2[element.symbol]) * density


def _particle_slices(
    particles: Sequence[Particle], thickness_nm: float, beam: _Beam, field: Field
) -> Iterator[tuple[np.ndarray, float]]:
    height_nm = max((float(particle.atoms[:, 2].max(initial=0)) for particle in particles), default=0.0)
    has_atoms = any(len(particle.atoms) for particle in particles)
    count = max(math.ceil(height_nm / thickness_nm), int(has_atoms))  # atoms all at one height are a slice, too
    layers = [_layers(particle, height_nm, count) for particle in particles]
    for index in range(count):
        path: np.ndarray = np.zeros(field.shape, dtype=beam.dtype)
        for particle, layer in zip(particles, layers, strict=True):
            atoms = particle.atoms[layer == index]
            if len(atoms):
                particle.paste(beam.path(atoms, GOLD, particle.patch_px, particle.loss), path)
        yield np.exp(1j * path), height_nm / count


def _layers(particle: Particle, height_nm: float, count: int) -> np.ndarray:
    """Slice of each atom, counted from the top of the tallest particle; all stand on the film."""
    depth = particle.atoms[:, 2]
    if count == 1:
        return np.zeros(len(depth), dtype=int)
    depth = depth + height_nm - depth.max(initial=0)
    return np.minimum((depth / height_nm * count).astype(int), count - 1)


def _film_slices(
    carbon_nm: float, settings: SimulationSettings, beam: _Beam, field: Field, rng: Generator
) -> Iterator[tuple[np.ndarray, float]]:
    if carbon_nm == 0:
        return
    thickest_nm = settings.carbon_nm[1] / len(_SHEET_PERIODS_NM)
    sheet_nm = carbon_nm / len(_SHEET_PERIODS_NM)
    count = max(1, round(sheet_nm / settings.slice_thickness_nm))
    for seed, period_nm in enumerate(_SHEET_PERIODS_NM):
        size_px = round(period_nm / settings.pixel_size_nm)
        # One sheet of the thickest kind serves all micrographs: thinner films take a part of its depth.
        atoms = carbon_sheet(size_px * settings.pixel_size_nm, thickest_nm, seed)
        placement = _Placement.draw(size_px, field.size_px, rng)
        for index in range(count):
            inside = (atoms[:, 2] >= index * sheet_nm / count) & (atoms[:, 2] < (index + 1) * sheet_nm / count)
            yield placement.spread(np.exp(1j * beam.path(atoms[inside], CARBON, size_px))), sheet_nm / count


@dataclass(frozen=True)
class _Placement:
    """How a repeating sheet lies on the field."""

    rows: np.ndarray
    columns: np.ndarray
    quarter_turns: int
    flipped: bool

    @classmethod
    def draw(cls, sheet_px: int, field_px: int, rng: Generator) -> "_Placement":
        rows, columns = ((np.arange(field_px) + rng.integers(sheet_px)) % sheet_px for _ in range(2))
        return cls(rows, columns, quarter_turns=int(rng.integers(4)), flipped=bool(rng.integers(2)))

    def spread(self, sheet: np.ndarray) -> np.ndarray:
        """(sheet, sheet) -> (field, field)."""
        turned = np.rot90(sheet, self.quarter_turns)
        return (turned.T if self.flipped else turned)[np.ix_(self.rows, self.columns)]
