"""The specimen as the beam meets it: a sequence of thin slices, each a complex transmission.

Slices carry the phase shift of the projected potential and the amplitude that is lost. Electrons scattered past the
objective aperture or, without one, past the angle up to which the lens brings them together, are lost to the image;
atom by atom this is the cross section beyond that angle, from the same scattering factors, and a slice transmits
exp(-loss / 2). So particles darken with their thickness. With an aperture, what the grid cannot carry is lost, too: a
field at 0.1243 nm/px, whose grid ends below the first reflection of gold (4.25 / nm) and resolves no lattice, still
darkens particles as the lattice does, whose reflections carry the intensity out. How much of it depends on how the
crystal is turned to the beam, which the cross section of single atoms cannot know: `Particle.loss` varies it.
"""

import math
from collections.abc import Iterator, Sequence

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
    lost_edge = lost_beyond(settings)
    film_lost = cross_section_beyond(CARBON, lost_edge, settings.voltage_kv)
    film = Film(carbon_nm, film_lost, settings, field)
    depths = [particle.atoms[:, 2] for particle in particles]
    # The part each atom lies in: 0 above the film, 1 within it, 2 below.
    parts = [np.digitize(depth, [0.0, carbon_nm]) for depth in depths]
    highest = min((float(depth.min(initial=0)) for depth in depths), default=0.0)
    lowest = max((float(depth.max(initial=0)) for depth in depths), default=0.0)
    heights = (-highest, carbon_nm, max(lowest - carbon_nm, 0.0))
    for part, (top, height) in enumerate(zip((highest, 0.0, carbon_nm), heights, strict=True)):
        holds_atoms = any((one == part).any() for one in parts)
        count = math.ceil(height / settings.slice_thickness_nm - 1e-6) if part != 1 or carbon_nm else 0
        count = max(count, int(holds_atoms or (part == 1 and carbon_nm > 0)))  # atoms all at one height are a slice
        layers = [
            np.where(one == part, np.clip((depth - top) / max(height, 1e-9) * count, 0, count - 1).astype(int), -1)
            for one, depth in zip(parts, depths, strict=True)
        ]
        paths = film.paths(count, rng) if part == 1 and count else None
        for index in range(count):
            chosen = [layer == index for layer in layers]
            yield _slice(particles, chosen, next(paths) if paths else None, settings, field, lost_edge), height / count


def lost_beyond(settings: SimulationSettings) -> float:
    """Spatial frequency beyond which electrons are lost [1/nm]."""
    wavelength = wavelength_nm(settings.voltage_kv)
    edge = settings.acceptance_mrad * 1e-3 / wavelength
    if settings.objective_aperture_mrad is not None:
        band = BAND_LIMIT / (2 * settings.pixel_size_nm)
        edge = min(edge, settings.objective_aperture_mrad * 1e-3 / wavelength, band)
    return edge


def _slice(
    particles: Sequence[Particle],
    chosen: Sequence[np.ndarray],
    film_path: np.ndarray | None,
    settings: SimulationSettings,
    field: Field,
    lost_edge: float,
) -> np.ndarray:
    """Transmission of one slice: the chosen atoms of each particle, and the film around them. (height, width)."""
    transmission = np.ones(field.shape, dtype=np.complex64)
    for particle, own in zip(particles, chosen, strict=True):
        if own.any():
            _add_particle(particle, own, transmission, film_path, settings, lost_edge)
    if film_path is not None:
        transmission *= np.exp(1j * film_path)
    return transmission


def _add_particle(
    particle: Particle,
    chosen: np.ndarray,
    transmission: np.ndarray,
    film_path: np.ndarray | None,
    settings: SimulationSettings,
    lost_edge: float,
) -> None:
    """Multiply its atoms of one slice in; where it has sunk into the film, it takes the film's place."""
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
