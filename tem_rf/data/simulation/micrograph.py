"""One simulated micrograph with its exact mask: specimen, wave, lens, camera."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.conditions import Conditions, draw_conditions, lens, random_stream
from tem_rf.data.simulation.crystals import crystal
from tem_rf.data.simulation.detector import record_counts
from tem_rf.data.simulation.drawn_mask import particle_mask
from tem_rf.data.simulation.exposure import expose, illuminate
from tem_rf.data.simulation.multislice import exit_wave
from tem_rf.data.simulation.optics import image_intensity
from tem_rf.data.simulation.rotations import quaternion
from tem_rf.data.simulation.specimen import Field, Particle, lay_out_field, scatter_particles
from tem_rf.data.simulation.transmission import slices

_FINEST_DETAIL_PER_NM = 5.0  # beams that matter in the image of gold go up to here


@dataclass(frozen=True)
class ParticleRecord:
    """What is known about a simulated particle.

    Attributes:
        number: Its number in the instance labels.
        row_px: Centre, from the centre of the first pixel.
        column_px: Centre, from the centre of the first pixel.
        diameter_nm: Nominal outer diameter; facets and dents are inside it.
        area_px: Pixels of its mask within the micrograph, also where another particle is above it.
        atoms: Number of its atoms, those outside the micrograph included, without rim.
        material: Name or formula.
        lattice: Structure type or space group.
        defect: single, twin, twins (lamellae), fault, decahedron, icosahedron or polycrystal.
        orientation_w: Unit quaternion of the rotation from the frame of the crystal's cell to the microscope's (x to
            the right, y down, z with the beam), of the first grain; of an icosahedron, of its fivefold axes.
        orientation_x: See above.
        orientation_y: See above.
        orientation_z: See above.
        contact: none, touching, grown together or overlapping: how it meets a particle placed before it.
        side: above or below the film.
        rim: Whether ligands or contamination surround it; they are no part of the mask.
    """

    number: int
    row_px: float
    column_px: float
    diameter_nm: float
    area_px: int
    atoms: int
    material: str
    lattice: str
    defect: str
    orientation_w: float
    orientation_x: float
    orientation_y: float
    orientation_z: float
    contact: str
    side: str
    rim: bool


@dataclass(frozen=True)
class SimulatedMicrograph:
    """A micrograph and the truth about it.

    Attributes:
        pixels: (height, width) uint16 counts.
        mask: (height, width) bool, the union of the particles' masks, see `particle_mask`.
        instances: (height, width) uint16, number of the particle, the topmost where some overlap; 0 for none.
        pixel_size_nm: Side of a pixel [nm].
        particles: One record per particle.
        conditions: Film, lens and illumination under which it was taken.
    """

    pixels: np.ndarray
    mask: np.ndarray
    instances: np.ndarray
    pixel_size_nm: float
    particles: tuple[ParticleRecord, ...]
    conditions: Conditions


@dataclass(frozen=True)
class Exposure:
    """One micrograph of a specimen: distance from focus [nm] and dose [electrons per Å²]."""

    defocus_nm: float
    dose_e_per_angstrom2: float


def simulate_micrograph(settings: SimulationSettings, *, seed: int) -> SimulatedMicrograph:
    """Simulate one micrograph; one seed gives the same pixels on one machine.

    Args:
        settings: Specimen, microscope and camera.
        seed: Seed of everything that is random.

    Raises:
        SettingsError: More particles were asked for than fit the field, or there is no such material.
        ReadError: The material is a CIF file that cannot be used.
    """
    conditions = draw_conditions(settings, seed)
    (micrograph,) = _simulate(settings, conditions, [(conditions, settings)], seed)
    return micrograph


def simulate_exposures(
    settings: SimulationSettings, exposures: Sequence[Exposure], *, seed: int
) -> Iterator[SimulatedMicrograph]:
    """Take several micrographs of one specimen, which costs little more than one.

    Args:
        settings: Specimen, microscope and camera; its defocus gives the side of focus only.
        exposures: Defocus and dose of each micrograph.
        seed: Seed of everything that is random.

    Raises:
        SettingsError: As for `simulate_micrograph`.
        ReadError: As for `simulate_micrograph`.
    """
    drawn = draw_conditions(settings, seed)
    states = [
        (
            replace(drawn, defocus_nm=float(np.copysign(one.defocus_nm, drawn.defocus_nm))),
            settings.model_copy(update={"dose_e_per_angstrom2": one.dose_e_per_angstrom2}),
        )
        for one in exposures
    ]
    farthest = max((conditions for conditions, _ in states), key=lambda one: abs(one.defocus_nm))
    return _simulate(settings, farthest, states, seed)


def _simulate(
    settings: SimulationSettings,
    farthest: Conditions,
    states: Sequence[tuple[Conditions, SimulationSettings]],
    seed: int,
) -> Iterator[SimulatedMicrograph]:
    """Simulate one specimen, and a micrograph of it in each state; the one farthest from focus sets the margin."""
    blur_nm = 4 * farthest.image_spread_nm + farthest.drift_nm + 4 * settings.detector_blur_px * settings.pixel_size_nm
    spread_nm = lens(settings, farthest).wavelength_nm * _FINEST_DETAIL_PER_NM * abs(farthest.defocus_nm)
    field = lay_out_field(settings, reach_nm=spread_nm + blur_nm)

    rng = random_stream(seed, "specimen")
    particles = scatter_particles(settings, field, farthest.carbon_nm, rng)
    wave = exit_wave(
        slices(particles, farthest.carbon_nm, settings, field, rng),
        shape=field.shape,
        pixel_size_nm=field.pixel_size_nm,
        wavelength_nm=lens(settings, farthest).wavelength_nm,
    )
    detector = random_stream(seed, "detector")
    for index, (conditions, camera) in enumerate(states):
        through_lens = wave if index == len(states) - 1 else wave.copy()  # the lens overwrites it
        image = image_intensity(through_lens, lens(settings, conditions), field.pixel_size_nm)
        intensity = illuminate(field.cut(expose(image, conditions, field.pixel_size_nm)), conditions)
        if not index or settings.mask_height:  # masks that end inside a blurred edge depend on the blur
            instances, records = _truth(particles, settings, conditions, field)
        yield SimulatedMicrograph(
            pixels=record_counts(intensity, camera, detector),
            mask=instances > 0,
            instances=instances,
            pixel_size_nm=settings.pixel_size_nm,
            particles=records,
            conditions=conditions,
        )


def _truth(
    particles: Sequence[Particle], settings: SimulationSettings, conditions: Conditions, field: Field
) -> tuple[np.ndarray, tuple[ParticleRecord, ...]]:
    """Instance labels and records of the particles."""
    matter = crystal(settings.material)
    instances = np.zeros(field.shape, dtype=np.uint16)
    areas = np.zeros(len(particles), dtype=int)
    order = sorted(range(len(particles)), key=lambda index: -particles[index].atoms[:, 2].min(initial=0))
    for index in order:  # the topmost last
        particle = particles[index]
        part, own = particle.region(instances)
        mask = particle_mask(particle, settings, conditions, field)[own]
        part[mask] = index + 1
        inside = np.zeros(field.shape, dtype=bool)
        particle.region(inside)[0][...] = mask
        areas[index] = int(field.cut(inside).sum())
    instances = field.cut(instances).copy()
    records = []
    for index, particle in enumerate(particles):
        column, row = (centre / field.pixel_size_nm - field.margin_px for centre in particle.centre_nm)
        w, x, y, z = quaternion(particle.orientation)
        own_atoms = len(particle.own)
        records.append(
            ParticleRecord(
                number=index + 1,
                row_px=row,
                column_px=column,
                diameter_nm=particle.diameter_nm,
                area_px=int(areas[index]),
                atoms=own_atoms,
                material=matter.material,
                lattice=matter.lattice,
                defect=particle.defect,
                orientation_w=w,
                orientation_x=x,
                orientation_y=y,
                orientation_z=z,
                contact=particle.contact,
                side="below" if particle.is_below else "above",
                rim=len(particle.atoms) > own_atoms,
            )
        )
    return instances, tuple(records)
