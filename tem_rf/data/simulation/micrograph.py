"""One simulated micrograph with its exact mask: specimen, wave, lens, camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.conditions import Conditions, draw_conditions, lens, random_stream
from tem_rf.data.simulation.detector import record_counts
from tem_rf.data.simulation.multislice import exit_wave
from tem_rf.data.simulation.optics import image_intensity
from tem_rf.data.simulation.specimen import Field, Particle, lay_out_field, scatter_particles
from tem_rf.data.simulation.transmission import slices

_FINEST_DETAIL_PER_NM = 5.0  # beams that matter in the image of gold go up to here


@dataclass(frozen=True)
class ParticleRecord:
    """What is known about a simulated particle.

    Attributes:
        row_px: Centre, from the centre of the first pixel.
        column_px: Centre, from the centre of the first pixel.
        diameter_nm: Nominal outer diameter; facets lie inside it.
        area_px: Pixels of its shadow within the micrograph.
        atoms: Number of gold atoms, those outside the micrograph included.
    """

    row_px: float
    column_px: float
    diameter_nm: float
    area_px: int
    atoms: int


@dataclass(frozen=True)
class SimulatedMicrograph:
    """A micrograph and the truth about it.

    Attributes:
        pixels: (height, width) uint16 counts.
        mask: (height, width) bool, the projection of the particles' atoms, filled.
        pixel_size_nm: Side of a pixel [nm].
        particles: One record per particle.
        conditions: Film and lens under which it was taken.
    """

    pixels: np.ndarray
    mask: np.ndarray
    pixel_size_nm: float
    particles: tuple[ParticleRecord, ...]
    conditions: Conditions


def simulate_micrograph(settings: SimulationSettings, *, seed: int) -> SimulatedMicrograph:
    """Simulate one micrograph; one seed gives the same pixels on one machine.

    Args:
        settings: Specimen, microscope and camera.
        seed: Seed of everything that is random.

    Raises:
        SettingsError: More particles were asked for than fit the field.
    """
    conditions = draw_conditions(settings, seed)
    optics = lens(settings, conditions)
    blur_nm = 4 * settings.detector_blur_px * settings.pixel_size_nm
    spread_nm = optics.wavelength_nm * _FINEST_DETAIL_PER_NM * abs(conditions.defocus_nm)
    field = lay_out_field(settings, reach_nm=spread_nm + blur_nm)

    rng = random_stream(seed, "specimen")
    particles = scatter_particles(settings, field, rng)
    wave = exit_wave(
        slices(particles, conditions.carbon_nm, settings, field, rng),
        shape=field.shape,
        pixel_size_nm=field.pixel_size_nm,
        wavelength_nm=optics.wavelength_nm,
    )
    intensity = field.cut(image_intensity(wave, optics, field.pixel_size_nm))
    mask, records = _truth(particles, field)
    return SimulatedMicrograph(
        pixels=record_counts(intensity, settings, random_stream(seed, "detector")),
        mask=mask,
        pixel_size_nm=settings.pixel_size_nm,
        particles=records,
        conditions=conditions,
    )


def _truth(particles: Sequence[Particle], field: Field) -> tuple[np.ndarray, tuple[ParticleRecord, ...]]:
    total = np.zeros((field.micrograph_px, field.micrograph_px), dtype=bool)
    records = []
    for particle in particles:
        mask = field.cut(particle.mask(field))
        total |= mask
        column, row = (centre / field.pixel_size_nm - field.margin_px for centre in particle.centre_nm)
        records.append(ParticleRecord(row, column, particle.diameter_nm, int(mask.sum()), len(particle.atoms)))
    return total, tuple(records)
