"""Lattices measured in simulated micrographs whose lattices are known.

Run: python benchmarks/lattice.py [--count 24] [--size-px 768] [--preset au-5nm] [--zone 1,-1,0] [--json]

Particles of `--preset` along a zone axis (standard deviation of the tilt 2 degrees), single crystals and defective ones
apart, without and with the strain of the preset, and particles in random orientations. Particles are those of
instances/, so that no network takes part. Takes about 3 minutes.
"""

import argparse
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import Rotation

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.simulation.micrograph import ParticleRecord, SimulatedMicrograph, simulate_micrograph
from tem_rf.lattice.measure import FringeSet, ParticleLattice, measure_lattices
from tem_rf.lattice.structure import Structure, read_structure
from tem_rf.lattice.summary import summarize_lattices
from tem_rf.lattice.table import interplanar_angle_deg, main_sets

TWINNED = ("twin", "twins", "decahedron")
MIN_DIAMETER_NM = 3.0
ERRORS = ("spacing", "spacing, fitted", "angle", "orientation")


@dataclass(frozen=True)
class Measured:
    """A particle as it is and as it was measured."""

    truth: ParticleRecord
    found: ParticleLattice


def main() -> None:
    options = _options()
    seed, results = options.seed, {}
    along: dict[str, Any] = {"zone_axis": options.zone, "touching": 0.0}
    sets: dict[str, dict[str, Any]] = {
        "single, no strain": along | {"defects": 0.0, "strain": 0.0},
        "defective, no strain": along | {"defects": 1.0, "strain": 0.0},
        "single": along | {"defects": 0.0},
        "defective": along | {"defects": 1.0},
        "random orientations": {},
    }
    structure = read_structure(simulation_settings(options.preset).material)
    particles: dict[str, list[Measured]] = {}
    for name, changes in sets.items():
        micrographs = list(_simulated(options, changes | {"coverage": 0.25, "size_px": options.size_px}, seed))
        start = time.process_time()
        particles[name] = list(_measured(micrographs, structure, 1.0))
        results[name] = _scores(particles[name], structure) | {
            "processor_s_per_particle": (time.process_time() - start) / max(len(particles[name]), 1)
        }
    # The last set is the one that is like a micrograph.
    results[name]["film taken for a crystal"] = _false_alarms(micrographs, structure)
    off = [one.found for one in _measured(micrographs, structure, 1.018)]
    calibration = summarize_lattices(structure.crystal.material, [off]).calibration
    results[name]["pixel size 1.8 % too large"] = calibration and [
        calibration.deviation,
        calibration.standard_error,
        calibration.particles,
    ]
    classes = {
        strain: _classes(particles[f"single{strain}"] + particles[f"defective{strain}"])
        for strain in (", no strain", "")
    }
    if options.json:
        print(json.dumps({"options": vars(options), "sets": results, "classes": classes}))
        return
    _print(results, classes)


def _simulated(options: argparse.Namespace, changes: dict[str, Any], seed: int) -> Iterator[SimulatedMicrograph]:
    settings = simulation_settings(options.preset, **changes)
    for index in range(options.count):
        yield simulate_micrograph(settings, seed=seed + index)


def _measured(micrographs: list[SimulatedMicrograph], structure: Structure, scale: float) -> Iterator[Measured]:
    for one in micrographs:
        numbers = one.instances.astype(int)
        lattices = measure_lattices(numbers, one.pixels, structure, pixel_size_nm=one.pixel_size_nm * scale)
        for found in lattices.particles:
            truth = one.particles[found.number - 1]
            if truth.diameter_nm >= MIN_DIAMETER_NM:
                yield Measured(truth, found)


def _scores(particles: list[Measured], structure: Structure) -> dict[str, Any]:
    """Errors of single crystals and of the first crystal of twins, whose orientation is known."""
    errors: dict[str, list[float]] = {name: [] for name in ERRORS}
    known = [one for one in particles if one.truth.defect in ("single", "twin", "twins", "fault")]
    for one in known:
        _add_errors(errors, one, structure)
    return {
        "particles": len(particles),
        "with two directions": sum(len(main_sets(one.found)) == 2 for one in particles),
        "errors": {name: _quantiles(values) for name, values in errors.items()},
        "kinds": {
            defect: dict(Counter(one.found.kind for one in particles if one.truth.defect == defect))
            for defect in sorted({one.truth.defect for one in particles})
        },
    }


def _add_errors(errors: dict[str, list[float]], one: Measured, structure: Structure) -> None:
    planes = [_nearest_plane(one, fringes, structure) for fringes in main_sets(one.found)]
    for fringes, plane in zip(main_sets(one.found), planes, strict=True):
        if plane is not None:
            errors["spacing"].append(abs(fringes.spacing_nm * np.linalg.norm(plane) - 1) * 100)
    if len(planes) == 2 and planes[0] is not None and planes[1] is not None:
        cosine = abs(planes[0] @ planes[1]) / np.linalg.norm(planes[0]) / np.linalg.norm(planes[1])
        angle, _ = interplanar_angle_deg(*main_sets(one.found))
        errors["angle"].append(abs(angle - np.degrees(np.arccos(min(cosine, 1.0)))))
    if one.found.spacing_deviation is not None:
        errors["spacing, fitted"].append(abs(one.found.spacing_deviation) * 100)
    if one.found.orientation_deg is not None and one.found.zone_axes:
        spacing = {family.name: family.spacing_nm for family in structure.families}[one.found.orientation_plane or ""]
        turned = [_turned_deg(planes, spacing, one.found.orientation_deg) for planes in _crystals(one.truth, structure)]
        if np.isfinite(turned).any():
            errors["orientation"].append(min(turned))


def _turned_deg(planes: np.ndarray, spacing_nm: float, orientation_deg: float) -> float:
    """Angle to the nearest plane of a family that is nearly along the beam; infinite without one."""
    length = np.linalg.norm(planes, axis=1)
    flat = planes[(np.abs(planes[:, 2]) < 0.2 * length) & (np.abs(length * spacing_nm - 1) < 0.01)]
    angles = np.degrees(np.arctan2(-flat[:, 1], flat[:, 0]))
    return float(np.abs((angles - orientation_deg + 90) % 180 - 90).min(initial=np.inf))


def _crystals(truth: ParticleRecord, structure: Structure) -> list[np.ndarray]:
    """Planes of the crystal whose orientation is written down and of its twin, which may be measured first.

    Twins are simulated at (111).
    """
    planes = _planes(truth, structure)
    if truth.defect not in TWINNED:
        return [planes]
    normal = _turn(truth) @ np.linalg.inv(structure.crystal.cell) @ [1, 1, 1]
    normal /= np.linalg.norm(normal)
    return [planes, planes - 2 * np.outer(planes @ normal, normal)]


def _planes(truth: ParticleRecord, structure: Structure) -> np.ndarray:
    """(n, 3) reciprocal vectors of the low planes as they are: x to the right, y down, z with the beam [1/nm]."""
    indices = np.array([one for one in itertools.product(range(-4, 5), repeat=3) if any(one)])
    vectors = indices @ np.linalg.inv(structure.crystal.cell).T
    spacing = 1 / np.linalg.norm(vectors, axis=1)
    allowed = np.abs(spacing[:, None] / structure.spacings_nm - 1).min(axis=1) < 1e-4
    return np.asarray(vectors[allowed] @ _turn(truth).T)


def _turn(truth: ParticleRecord) -> np.ndarray:
    """(3, 3) rotation from the crystal's cell to the microscope."""
    quaternion = [truth.orientation_x, truth.orientation_y, truth.orientation_z, truth.orientation_w]
    return Rotation.from_quat(quaternion).as_matrix()


def _nearest_plane(one: Measured, fringes: FringeSet, structure: Structure) -> np.ndarray | None:
    """The plane that a set is of, in the crystal or its twin: by family, and by direction up to 15 degrees."""
    planes = _planes(one.truth, structure)
    planes = planes[np.abs(planes[:, 2]) < 0.25 * np.linalg.norm(planes, axis=1)]
    if fringes.plane is None or not len(planes):
        return None
    angle = np.radians(fringes.direction_deg)
    vector = np.array([np.cos(angle), -np.sin(angle)]) / fringes.spacing_nm
    distance = np.linalg.norm(np.concatenate([planes[:, :2] - vector, planes[:, :2] + vector]), axis=1)
    nearest = int(distance.argmin()) % len(planes)
    if distance.min() < 0.2 / fringes.spacing_nm:
        return np.asarray(planes[nearest])
    return None  # of the twin


def _classes(particles: list[Measured]) -> dict[str, Any]:
    """Single against twinned, strictly: any other answer is wrong."""
    right = {}
    for name, defects in (("single", ("single",)), ("twinned", TWINNED)):
        own = [one for one in particles if one.truth.defect in defects]
        right[name] = {"particles": len(own), "right": sum(one.found.kind == name for one in own)}
    recall = [one["right"] / max(one["particles"], 1) for one in right.values()]
    told = [one for one in particles if one.truth.defect in ("single", *TWINNED)]
    bins = {}
    for low, high in ((0.0, 0.6), (0.6, 0.9), (0.9, 1.01)):
        own = [one for one in told if low <= one.found.confidence < high]
        is_right = [one.found.kind == ("single" if one.truth.defect == "single" else "twinned") for one in own]
        bins[f"confidence {low:g} to {min(high, 1):g}"] = [sum(is_right), len(own)]
    sure = [one for one in particles if one.found.kind == "single" and one.found.confidence >= 0.9]
    return right | {
        "balanced_accuracy": float(np.mean(recall)),
        "right_by_confidence": bins,
        "single at 0.9 or more": dict(Counter(one.truth.defect for one in sure)),
    }


def _false_alarms(micrographs: list[SimulatedMicrograph], structure: Structure) -> list[int]:
    """Discs of bare film in which fringes were found, and all."""
    from scipy.ndimage import distance_transform_edt

    found = total = 0
    for one in micrographs:
        depth = distance_transform_edt(np.pad(one.instances == 0, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        radius = min(float(depth.max()) - 2 / one.pixel_size_nm, 2.5 / one.pixel_size_nm)
        if radius * one.pixel_size_nm < 1:
            continue
        rows, columns = np.indices(depth.shape)
        disc = np.hypot(rows - row, columns - column) < radius
        lattice = measure_lattices(disc.astype(int), one.pixels, structure, pixel_size_nm=one.pixel_size_nm)
        found += lattice.particles[0].kind != "amorphous"
        total += 1
    return [found, total]


def _quantiles(values: list[float]) -> dict[str, float | int]:
    if not values:
        return {"count": 0}
    median, ninety = np.percentile(values, (50, 90))
    return {
        "count": len(values),
        "median": float(median),
        "90 %": float(ninety),
        "within 1": float(np.mean(np.array(values) <= 1)),
    }


def _print(results: dict[str, Any], classes: dict[str, Any]) -> None:
    console = Console()
    table = Table("set", "particles", *ERRORS, "s per particle")
    for name, result in results.items():
        cells = [
            f"{one['median']:.2f}, {one['90 %']:.2f}, {one['within 1']:.0%} of {one['count']}" if one["count"] else "–"
            for one in result["errors"].values()
        ]
        table.add_row(name, str(result["particles"]), *cells, f"{result['processor_s_per_particle']:.2f}")
    console.print(table, "Errors: median, 90 %, part within 1; spacings in %, angles and orientations in degrees.")
    for name, result in results.items():
        for what in ("kinds", "film taken for a crystal", "pixel size 1.8 % too large"):
            if what in result:
                console.print(f"{name}, {what}:", result[what])
    for strain, one in classes.items():
        console.print(f"single against twinned{strain}:", one)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=24, help="micrographs per set")
    parser.add_argument("--size-px", type=int, default=768)
    parser.add_argument("--preset", default="au-5nm")
    parser.add_argument("--zone", default="1,-1,0", help="zone axis")
    parser.add_argument("--seed", type=int, default=5000)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
