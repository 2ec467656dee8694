"""The specimen as the beam meets it: a sequence of thin slices, each a complex transmission.

Slices carry the phase shift of the projected potential and the amplitude that is lost. Electrons scattered past the
objective aperture or, without one, past the angle up to which the lens brings them together, are lost to the image;
atom by atom this is the cross section beyond that angle, from the same scattering factors, and a slice transmits
exp(-loss / 2). So particles darken with their thickness. With an aperture, what the grid cannot carry is lost, too: a
field at 0.1243 nm/px, whose grid ends below the first reflection of gold (4.25 / nm) and resolves no lattice, still
darkens particles as the lattice does, whose reflections carry the intensity out. How much of it depends on how the
crystal lies to the beam, which the cross section of single atoms cannot know: `Particle.loss` varies it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.film import Film
from tem_rf.data.simulation.projection import BAND_LIMIT, project_mask, project_path
from tem_rf.data.simulation.scattering import CARBON, cross_section_beyond, wavelength_nm
from tem_rf.data.simulation.specimen import Field, Particle


def slices(
    particles: Sequence[Particle], carbon_nm: float, settings: SimulationSettings, field: Field, rng: Generator
) -> Iterator[tuple[np.ndarray, float]]:
    """Transmissions from the top down: particles on the film, the film with what has sunk into it, those below.

    Args:
        particles: In their places.
        carbon_nm: Thickness of the film [nm].
        settings: Sampling, voltage and aperture.
        field: The grid.
        rng: Draws the film.

    Yields:
        (height, width) complex64 and the thickness of the slice [nm].
    """
    lost_edge = _lost_beyond(settings)
    film_lost = cross_section_beyond(CARBON, lost_edge, settings.voltage_kv)
    film = Film(carbon_nm, film_lost, settings, field)
    z = np.concatenate([particle.atoms[:, 2] for particle in particles]) if particles else np.empty(0)
    above = max(0.0, -float(z.min(initial=0)))
    below = max(0.0, float(z.max(initial=0)) - carbon_nm)
    for part in (
        _Part(-above, above, is_film=False),
        _Part(0.0, carbon_nm, is_film=True),
        _Part(carbon_nm, below, is_film=False),
    ):
        yield from _part_slices(part, particles, film, lost_edge, rng)


@dataclass(frozen=True)
class _Part:
    """Above the film, the film, or below it."""

    top_nm: float
    height_nm: float
    is_film: bool


def _lost_beyond(settings: SimulationSettings) -> float:
    """Spatial frequency beyond which electrons are lost [1/nm]."""
    wavelength = wavelength_nm(settings.voltage_kv)
    edge = settings.acceptance_mrad * 1e-3 / wavelength
    if settings.objective_aperture_mrad is not None:
        band = BAND_LIMIT / (2 * settings.pixel_size_nm)
        edge = min(edge, settings.objective_aperture_mrad * 1e-3 / wavelength, band)
    return edge


def _part_slices(
    part: _Part, particles: Sequence[Particle], film: Film, lost_edge: float, rng: Generator
) -> Iterator[tuple[np.ndarray, float]]:
    settings, field = film.settings, film.field
    if part.is_film and part.height_nm == 0:
        count = 0
    else:
        count = max(int(part.is_film), math.ceil(part.height_nm / settings.slice_thickness_nm - 1e-6))
    layers = [_layers(particle.atoms[:, 2], part, count) for particle in particles]
    if count == 0 and any((layer == 0).any() for layer in layers):
        count = 1  # atoms all at one height are a slice, too
    paths = film.paths(count, rng) if part.is_film and part.height_nm else None
    for index in range(count):
        transmission = np.ones(field.shape, dtype=np.complex64)
        path = next(paths) if paths is not None else None
        for particle, layer in zip(particles, layers, strict=True):
            chosen = layer == index
            if chosen.any():
                _add_particle(particle, chosen, transmission, path, settings, lost_edge)
        if path is not None:
            transmission *= np.exp(1j * path)
        yield transmission, part.height_nm / count


def _layers(z: np.ndarray, part: _Part, count: int) -> np.ndarray:
    """Slice of each atom within a part, or -1: above the film z < 0, in it 0 <= z < thickness."""
    if part.is_film:
        inside = (z >= 0) & (z < part.height_nm)
    else:
        inside = z < 0 if part.top_nm < 0 or part.height_nm == 0 and part.top_nm == 0 else z >= part.top_nm
    if count == 0 or part.height_nm == 0:
        return np.where(inside, 0, -1)
    return np.where(inside, np.clip((z - part.top_nm) / part.height_nm * count, 0, count - 1).astype(int), -1)


def _add_particle(
    particle: Particle,
    chosen: np.ndarray,
    transmission: np.ndarray,
    film_path: np.ndarray | None,
    settings: SimulationSettings,
    lost_edge: float,
) -> None:
    """Multiply its atoms of one slice in; where it has sunk into the film, it stands in the film's place."""
    shape = (particle.patch_px, particle.patch_px)
    path: np.ndarray = np.zeros(shape, dtype=np.complex64)
    for index, one in enumerate(particle.elements):
        atoms = particle.atoms[chosen & (particle.species == index)]
        if len(atoms):
            lost = cross_section_beyond(one, lost_edge, settings.voltage_kv)
            path += project_path(
                atoms,
                one,
                shape=shape,
                pixel_size_nm=settings.pixel_size_nm,
                voltage_kv=settings.voltage_kv,
                lost_nm2=lost * (particle.loss if index < len(particle.elements) - 1 else 1.0),
            )
    part, own = particle.region(transmission)
    part *= np.exp(1j * path[own])
    if film_path is not None:
        mask = project_mask(particle.atoms[chosen], shape=shape, pixel_size_nm=settings.pixel_size_nm)
        particle.region(film_path)[0][mask[own]] = 0
