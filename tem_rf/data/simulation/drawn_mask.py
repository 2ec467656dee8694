"""The mask of a particle: its shadow, or the part within its blurred edge that people label at low resolution."""

import numpy as np

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.conditions import Conditions
from tem_rf.data.simulation.projection import ATOM_RADIUS_NM, atoms_per_pixel
from tem_rf.data.simulation.scattering import cross_section_beyond
from tem_rf.data.simulation.specimen import Field, Particle
from tem_rf.data.simulation.transmission import lost_beyond


def particle_mask(particle: Particle, settings: SimulationSettings, conditions: Conditions, field: Field) -> np.ndarray:
    """The mask of one particle on its patch.

    With a `mask_height` of 0 it is the shadow: everything up to the last atom. Otherwise it ends where the particle's
    darkening has fallen to that part of its median over the shadow. The darkening is that of the electrons the
    particle scatters out of the image, blurred as the image is, without fringes, lattice or noise.

    Args:
        particle: In its place.
        settings: Where masks end, and what the image loses.
        conditions: What blurs it.
        field: The grid.

    Returns:
        (patch, patch) bool.
    """
    from scipy import ndimage

    shadow = particle.shadow(field)
    if not settings.mask_height or not shadow.any():
        return shadow
    darkening = _darkening(particle, settings, conditions, field)
    return np.asarray(ndimage.binary_fill_holes(darkening > settings.mask_height * np.median(darkening[shadow])))


def _darkening(particle: Particle, settings: SimulationSettings, conditions: Conditions, field: Field) -> np.ndarray:
    """Part of the beam that the particle takes away, blurred: (patch, patch)."""
    from scipy import ndimage

    shape = (particle.patch_px, particle.patch_px)
    lost_edge = lost_beyond(settings)
    loss = np.zeros(shape)
    for index, one in enumerate(particle.elements[:-1]):  # without the rim
        atoms = particle.atoms[particle.species == index]
        if len(atoms):
            lost_px = cross_section_beyond(one, lost_edge, settings.voltage_kv) / field.pixel_size_nm**2
            loss += lost_px * atoms_per_pixel(atoms, shape, field.pixel_size_nm)
    smooth = ndimage.gaussian_filter(loss * particle.loss, ATOM_RADIUS_NM / field.pixel_size_nm, mode="constant")
    blur_px = _blur_nm(settings, conditions) / field.pixel_size_nm
    return np.asarray(ndimage.gaussian_filter(1 - np.exp(-smooth), blur_px, mode="constant"))


def _blur_nm(settings: SimulationSettings, conditions: Conditions) -> float:
    """Standard deviation of all that blurs the image incoherently [nm]."""
    variances = (
        conditions.image_spread_nm**2,
        conditions.drift_nm**2 / 12,
        (settings.convergence_mrad * 1e-3 * conditions.defocus_nm) ** 2,
        (settings.detector_blur_px * settings.pixel_size_nm) ** 2,
    )
    return float(np.sqrt(sum(variances)))
