"""Nanoparticles, atom by atom: crystals cut to shape, with twins, grains, strain and a disordered surface."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tem_rf.config.simulation import SimulationSettings, zone_indices
from tem_rf.data.simulation.crystals import Crystal, crystal, facet_normals
from tem_rf.data.simulation.lattice_grains import grains
from tem_rf.data.simulation.projection import ATOM_RADIUS_NM
from tem_rf.data.simulation.rotations import random_rotation, rotation_along

_SURFACE_NM = 0.03  # rms displacement of surface atoms from their sites
_SURFACE_DEPTH = 0.7  # of the distance of neighbours; what lies less deep is surface
_LEAST_SURFACE_ATOMS = 60
_CLUSTER_ATOMS = 100  # smaller particles are single crystals: grains of a few atoms have no lattice
_RIM_NM = (0.2, 0.8)
_OUTLINE_POINTS = 1000
_RIM_DENSITY_PER_NM3 = 60.0  # of carbon in a loose layer of ligands or contamination, 1.2 g/cm³
_MOST_BEND = np.radians(3.0)  # half of what the lattice turns from one end of a strained particle to the other


@dataclass(frozen=True, eq=False)
class Nanoparticle:
    """The atoms of a particle around its centre, and what they form.

    Attributes:
        atoms: (n, 3) x, y, z [nm]; the beam goes along z.
        species: (n,) index of each atom's element in the crystal's.
        rim: (m, 3) carbon atoms of ligands or contamination around it [nm].
        orientation: (3, 3) rotation from the frame of the crystal's cell to the microscope's: of the first grain,
            and of the fivefold axes of an icosahedron.
        defect: What the crystal is: single, twin, twins, fault, decahedron, icosahedron or polycrystal.
    """

    atoms: np.ndarray
    species: np.ndarray
    rim: np.ndarray
    orientation: np.ndarray
    defect: str


def grow_nanoparticle(
    diameter_nm: float, settings: SimulationSettings, rng: Generator, *, orientation: np.ndarray | None = None
) -> Nanoparticle:
    """Grow a particle: cut a crystal to shape, turn it, strain it, disorder its surface, and cover it.

    Args:
        diameter_nm: Outer diameter, atoms with their radius included [nm]; facets and dents are inside it.
        settings: Material, and how far from perfect particles are.
        rng: Draws whatever differs from particle to particle.
        orientation: (3, 3) rotation in place of the one that the settings ask for.
    """
    matter = crystal(settings.material)
    radius = max(diameter_nm / 2 - ATOM_RADIUS_NM, 0.0)
    turn = random_rotation(rng) if orientation is None else orientation
    defect = _draw_defect(matter, radius, settings, rng)
    atoms, species, frame = grains(matter, radius, defect, rng)
    if orientation is None and settings.zone_axis is not None:
        along = np.array(zone_indices(settings.zone_axis)) @ matter.cell
        turn = rotation_along(along, np.radians(settings.zone_tilt_deg), rng) @ frame.T
    depth = _depth(atoms, matter, radius, frame, settings, rng, facetted=defect not in ("decahedron", "icosahedron"))
    atoms = atoms @ turn.T
    if settings.irregularity and rng.random() < 0.5:  # flattened on the film, which lies below
        bottom = radius * (1 - rng.uniform(0, 4) * min(settings.irregularity, 0.25))
        depth = np.minimum(depth, bottom - atoms[:, 2])
    inside = depth >= 0
    atoms, species, depth = atoms[inside], species[inside], depth[inside]
    atoms = _strain(atoms, radius, settings.strain, rng)
    if settings.surface_disorder and len(atoms) > _LEAST_SURFACE_ATOMS:
        exposed = depth < _SURFACE_DEPTH * matter.neighbour_nm
        atoms[exposed] += rng.normal(0, settings.surface_disorder * _SURFACE_NM, (int(exposed.sum()), 3))
    rim = _cover(atoms, radius, rng) if rng.random() < settings.rims else np.empty((0, 3))
    return Nanoparticle(atoms, species, rim, turn @ frame, defect)


def _draw_defect(matter: Crystal, radius: float, settings: SimulationSettings, rng: Generator) -> str:
    is_cluster = matter.atoms_per_nm3 * 4 / 3 * np.pi * radius**3 < _CLUSTER_ATOMS
    if rng.random() >= settings.defects or is_cluster:
        return "single"
    if not matter.is_close_packed_cubic:
        return "polycrystal"
    # Small particles are multiply twinned the more often, for strain, which grows with the volume, ends that.
    multiply = 2.0 if radius < 2.5 else 1.0
    kinds = {"twin": 2.0, "twins": 1.5, "fault": 1.0, "decahedron": multiply, "icosahedron": multiply, "polycrystal": 2}
    weights = np.array(list(kinds.values()))
    return str(rng.choice(list(kinds), p=weights / weights.sum()))


def _depth(
    atoms: np.ndarray,
    matter: Crystal,
    radius: float,
    frame: np.ndarray,
    settings: SimulationSettings,
    rng: Generator,
    *,
    facetted: bool,
) -> np.ndarray:
    """How deep sites are below the surface: a rounded, elongated, dented outline and facets. (n,) [nm]; < 0 outside."""
    irregular = settings.irregularity
    axes = 1 / (1 + np.abs(rng.normal(0, irregular, 3)))
    axes /= axes.max()
    principal = random_rotation(rng)
    atoms = atoms.astype(np.float32)
    stretched = atoms @ (principal / axes).astype(np.float32)
    distance = np.sqrt(np.einsum("ij,ij->i", stretched, stretched))
    # Dents: a few waves around the particle, which only take away.
    waves = rng.normal(size=(4, 3)) * np.array([1.5, 2.0, 2.5, 4.0])[:, None]
    phases, heights = rng.uniform(0, 2 * np.pi, 4), rng.normal(0, 0.5, 4)
    direction = stretched / np.maximum(distance, np.float32(1e-6))[:, None]
    angles = direction @ waves.T.astype(np.float32) + phases.astype(np.float32)
    dent = np.abs(np.cos(angles) @ heights.astype(np.float32))
    depth = np.float32(radius) * (1 - np.float32(min(irregular, 0.3)) * dent) - distance
    if facetted:
        normals, distances = facet_normals(matter)
        # From deep facets to a sphere; each facet lies a little elsewhere, since real particles are not ideal.
        limits = radius * rng.uniform(0.84, 1.02) * distances / distances.min()
        limits *= rng.normal(1, 0.03 + 0.3 * irregular, len(distances))
        for normal, limit in zip((normals @ frame.T).astype(np.float32), limits.astype(np.float32), strict=True):
            np.minimum(depth, limit - atoms @ normal, out=depth)
    return depth


def _strain(atoms: np.ndarray, radius: float, strain: float, rng: Generator) -> np.ndarray:
    """A uniform strain, and a bend by which the lattice turns along the particle, so that fringes fill a part of it."""
    if strain == 0 or radius == 0:
        return atoms
    tensor = rng.normal(0, strain, (3, 3))
    atoms = atoms @ (np.eye(3) + (tensor + tensor.T) / 2)
    along, about = random_rotation(rng)[:2]
    angle = (atoms @ along) / radius * rng.uniform(0, _MOST_BEND) * min(strain / 0.01, 2.0)
    turned = atoms @ np.cross(about, np.eye(3))  # the cross product of the axis with each atom
    return atoms + turned * angle[:, None]


def _cover(atoms: np.ndarray, radius: float, rng: Generator) -> np.ndarray:
    """Carbon at random in a layer around the particle, thicker on one side: (m, 3)."""
    if not len(atoms):
        return np.empty((0, 3))
    thickness = rng.uniform(*_RIM_NM)
    reach = radius + ATOM_RADIUS_NM + thickness
    count = rng.poisson(_RIM_DENSITY_PER_NM3 * 4 / 3 * np.pi * (reach**3 - (0.8 * radius) ** 3))
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    distance = np.cbrt(rng.uniform((0.8 * radius) ** 3, reach**3, count))
    # Where the surface lies in each direction, by the farthest atom near it.
    from scipy.spatial import KDTree

    height = np.linalg.norm(atoms, axis=1)
    outer = np.flatnonzero(height >= np.percentile(height, 60))
    outer = outer[:: max(1, len(outer) // _OUTLINE_POINTS)]
    _, nearest = KDTree(atoms[outer] / height[outer, None]).query(direction, eps=0.3)
    surface = height[outer][nearest] + ATOM_RADIUS_NM
    side = random_rotation(rng)[0]
    layer = thickness * np.clip(1 + rng.uniform(0, 1) * (direction @ side), 0.1, None)
    in_layer = (distance > surface) & (distance < surface + layer)
    return direction[in_layer] * distance[in_layer][:, None]
