"""What differs from micrograph to micrograph: film and lens, drawn from the ranges of the settings."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.optics import Optics
from tem_rf.data.simulation.scattering import wavelength_nm

_SIGNS = {"under": (-1,), "over": (1,), "both": (-1, 1)}  # C1 is negative on the underfocus side


@dataclass(frozen=True)
class Conditions:
    """One micrograph's film, lens and illumination, as in `SimulationSettings`.

    Defocus has its sign, negative is underfocus; angles are against the x axis, towards the rows below.
    """

    carbon_nm: float
    defocus_nm: float
    cs_um: float
    focal_spread_nm: float
    image_spread_nm: float
    drift_nm: float
    drift_angle_deg: float
    illumination_variation: float
    illumination_angle_deg: float


def draw_conditions(settings: SimulationSettings, seed: int) -> Conditions:
    """The film and lens of the micrograph with this seed."""
    rng = random_stream(seed, "conditions")
    return Conditions(
        carbon_nm=float(rng.uniform(*settings.carbon_nm)),
        defocus_nm=float(rng.uniform(*settings.defocus_nm) * rng.choice(_SIGNS[settings.defocus_sign])),
        cs_um=float(rng.uniform(*settings.cs_um)),
        focal_spread_nm=float(rng.uniform(*settings.focal_spread_nm)),
        image_spread_nm=float(rng.uniform(*settings.image_spread_nm)),
        drift_nm=float(rng.uniform(*settings.drift_nm)),
        drift_angle_deg=float(rng.uniform(0, 180)),
        illumination_variation=float(rng.uniform(*settings.illumination_variation)),
        illumination_angle_deg=float(rng.uniform(0, 360)),
    )


def random_stream(seed: int, part: str) -> Generator:
    """Random numbers for one part of a micrograph: another dose leaves the specimen as it is.

    Args:
        seed: Seed of the micrograph.
        part: conditions, specimen or detector.
    """
    return default_rng(np.random.SeedSequence([seed, ("conditions", "specimen", "detector").index(part)]))


def lens(settings: SimulationSettings, conditions: Conditions) -> Optics:
    """The objective lens of a micrograph."""
    return Optics(
        wavelength_nm=wavelength_nm(settings.voltage_kv),
        defocus_nm=conditions.defocus_nm,
        cs_um=conditions.cs_um,
        focal_spread_nm=conditions.focal_spread_nm,
        convergence_mrad=settings.convergence_mrad,
        aperture_mrad=settings.objective_aperture_mrad,
    )
