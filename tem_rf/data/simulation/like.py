"""Fit the simulator to a user's own micrographs: "simulate what my microscope sees"."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.simulation import RANGE_LIMITS, SimulationSettings, simulation_settings
from tem_rf.data.simulation.appearance import Appearance, measure_appearance
from tem_rf.data.simulation.conditions import draw_conditions
from tem_rf.data.simulation.crystals import crystal
from tem_rf.data.simulation.drawn_mask import particle_mask
from tem_rf.data.simulation.micrograph import simulate_micrograph
from tem_rf.data.simulation.nanoparticle import grow_nanoparticle
from tem_rf.data.simulation.recorded import PATCH_PX, Recorded, measure_micrographs
from tem_rf.data.simulation.scattering import CARBON, wavelength_nm
from tem_rf.data.simulation.specimen import Field, Particle
from tem_rf.data.simulation.transmission import lost_beyond
from tem_rf.errors import DatasetError, SettingsError
from tem_rf.files import write_json

_SHADOWS = 24  # particles that are grown to find how much smaller their masks are than their outer diameter
_SMALLEST_NM = 0.8  # particles that `SimulationSettings` takes
# Candidates of each setting, in the order in which they are tried; factors multiply what was found before.
_STEPS: tuple[tuple[str, tuple[float, ...], bool], ...] = (
    ("dose_e_per_angstrom2", (1 / 8, 1 / 4, 1 / 2, 1, 2, 4), True),
    ("detector_blur_px", (0.3, 0.6, 1.0, 1.5, 2.2, 3.5), False),
    ("acceptance_mrad", (30.0, 40.0, 50.0, 65.0, 100.0, 200.0), False),
    ("carbon_nm", (1.0, 2.5, 4.0, 6.0, 9.0), False),
    ("dose_e_per_angstrom2", (0.5, 0.7, 1, 1.4, 2), True),
    ("acceptance_mrad", (1, 0.8, 1.25), True),  # of equal ones the first is kept
)
_APERTURES_MRAD = (1.5, 2.5, 4.0, 6.0, 10.0, 16.0, 25.0, 40.0)
# Where masks end inside a blurred edge, its profile shows how far from focus it was taken, and what else blurred it.
_EDGE_STEPS: tuple[tuple[str, tuple[float, ...], bool], ...] = (
    ("defocus_nm", (100.0, 250.0, 500.0, 800.0, 1200.0), False),
    ("image_spread_nm", (0.03, 0.1, 0.2, 0.35, 0.6), False),
)
_BY_MASKS = ("acceptance_mrad", "objective_aperture_mrad", "defocus_nm", "image_spread_nm")  # found by masks alone
_RANGES = ("carbon_nm", "defocus_nm", "image_spread_nm")
_WIDTH = 0.3  # of a fitted range, on either side
_SCALES = {"contrast": 0.08, "sd_ratio": 0.1, "power": 0.25, "edge": 0.05}  # differences that count as one

Progress = Callable[[int, int], None]


def fit_preset(
    folder: Path,
    output: Path,
    *,
    preset: str = "au-5nm",
    pixel_size_nm: float | None = None,
    held: Mapping[str, Any] | None = None,
    count: int = 4,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> SimulationSettings:
    """Fit dose, blur, contrast and film to real micrographs, and write a preset.

    Sizes and coverage are measured on the masks. The rest is found by trying: simulated micrographs are compared with
    the real ones by contrast, strength of fringes and power spectrum, one setting after the other. Without masks only
    the power spectrum is compared, and contrast, sizes and coverage remain those of the preset.

    Args:
        folder: Of images/ and labels/ (or masks/), or of micrographs; labels may be missing.
        output: JSON file to write, which `simulation_settings` takes for a preset.
        preset: Preset to start from, which says all that is not fitted.
        pixel_size_nm: Side of a pixel [nm], in place of what the files say.
        held: Settings that are known, such as the dose, and not fitted.
        count: Simulated micrographs per trial.
        seed: Seed of the simulated micrographs.
        progress: Called with the trials done and their number.

    Returns:
        The settings found, as in the file.

    Raises:
        DatasetError: There are no micrographs that could be measured, or the pixel size is not known.
        ReadError: A file cannot be read.
        SettingsError: The pixel size or the particles are outside of what can be simulated.
        StorageError: The preset cannot be written.
    """
    held = dict(held or {})
    recorded = measure_micrographs(folder, pixel_size_nm)
    has_masks = any(np.isfinite(one.contrast) for one in recorded.appearances)
    settings = _start(folder, recorded, preset, held, seed)
    steps = [step for step in _steps(settings) if step[0] not in held and (has_masks or step[0] not in _BY_MASKS)]
    total = sum(len(values) for _, values, _ in steps)
    done = 0
    progress(done, total)
    for name, values, is_factor in steps:
        misfits = []
        candidates = [_changed(settings, name, value, is_factor=is_factor) for value in values]
        for candidate in candidates:
            misfits.append(_misfit(recorded.appearances, candidate, count, seed, has_masks=has_masks))
            done += 1
            progress(done, total)
        settings = candidates[int(np.argmin(misfits))]
    settings = _widened(settings, held, steps).model_copy(update={"size_px": held.get("size_px", PATCH_PX)})
    usual = simulation_settings(settings.preset).model_dump(mode="json")
    found = settings.model_dump(mode="json")
    changes = {name: value for name, value in found.items() if value != usual[name]}
    settings = simulation_settings(settings.preset, **changes)
    write_json(output, {"preset": settings.preset} | changes)
    return settings


def _start(folder: Path, recorded: Recorded, preset: str, held: Mapping[str, Any], seed: int) -> SimulationSettings:
    """The preset, with what is measured on micrographs and masks, and what is held."""
    measured: dict[str, Any] = {"pixel_size_nm": recorded.pixel_size_nm, "size_px": PATCH_PX}
    if recorded.diameters_nm:
        mean = float(np.median(recorded.diameters_nm))
        measured["diameter_nm"] = round(mean, 2)
        measured["diameter_spread"] = round(float(np.clip(np.std(recorded.diameters_nm) / mean, 0.05, 0.5)), 2)
    if recorded.coverage is not None:
        measured["coverage"] = round(float(np.clip(recorded.coverage, 0.02, 0.4)), 3)
    try:
        settings = simulation_settings(preset, **measured | {n: v for n, v in held.items() if n != "size_px"})
    except SettingsError as error:
        raise SettingsError(
            f"{folder}: what its files and labels show cannot be simulated: {error} Where the files give a wrong pixel "
            "size, give the right one with `pixel_size_nm`."
        ) from error
    if "diameter_nm" in held or not recorded.diameters_nm:
        return settings
    return settings.model_copy(update={"diameter_nm": _outer_diameter(settings, seed)})


def _steps(settings: SimulationSettings) -> list[tuple[str, tuple[float, ...], bool]]:
    """What is tried; with an objective aperture its angle makes the contrast.

    An aperture wider than what the grid carries changes nothing: one such is tried for all of them.
    """
    edge = list(_EDGE_STEPS) if settings.mask_height else []
    if settings.objective_aperture_mrad is None:
        return edge + list(_STEPS)
    aperture = "objective_aperture_mrad"
    widest = lost_beyond(settings.model_copy(update={aperture: 1e3, "acceptance_mrad": 500.0}))
    widest_mrad = widest * wavelength_nm(settings.voltage_kv) * 1e3
    angles = [angle for angle in _APERTURES_MRAD if angle < widest_mrad]
    angles.append(max(settings.objective_aperture_mrad, round(widest_mrad, 2)))
    return edge + [
        (name, values, is_factor)
        if name != "acceptance_mrad"
        else (aperture, values if is_factor else tuple(angles), is_factor)
        for name, values, is_factor in _STEPS
    ]


def _outer_diameter(settings: SimulationSettings, seed: int) -> float:
    """Outer diameter of particles whose masks are discs of the diameter of the settings, on average [nm].

    Facets and dents are inside the outer diameter, which is what the settings mean; so is the edge of a drawn mask.
    """
    rng = np.random.default_rng(seed)
    wanted = settings.diameter_nm
    field = Field(size_px=200, margin_px=0, micrograph_px=200, pixel_size_nm=wanted / 100)
    matter, conditions = crystal(settings.material), draw_conditions(settings, seed)
    ratios = []
    for _ in range(_SHADOWS):
        grown = grow_nanoparticle(wanted, settings, rng)
        if len(grown.atoms):
            particle = Particle(
                (wanted, wanted), wanted, grown.atoms + wanted, grown.species, (*matter.elements, CARBON), (0, 0),
                field.size_px, loss=1.0, orientation=grown.orientation,
            )  # fmt: skip
            mask = particle_mask(particle, settings, conditions, field)
            ratios.append(2 * np.sqrt(mask.sum() / np.pi) * field.pixel_size_nm / wanted)
    ratio = float(np.mean(ratios)) if ratios else 1.0
    largest = min(60.0, settings.size_px * settings.pixel_size_nm)
    return float(np.clip(round(wanted / ratio, 2), _SMALLEST_NM, largest))


def _changed(settings: SimulationSettings, name: str, value: float, *, is_factor: bool) -> SimulationSettings:
    if is_factor:
        value *= getattr(settings, name)
    field = SimulationSettings.model_fields[name]
    changed: Any = (value, value) if name in _RANGES else value
    lowest = min((m.ge for m in field.metadata if hasattr(m, "ge")), default=-np.inf)
    highest = max((m.le for m in field.metadata if hasattr(m, "le")), default=np.inf)
    if not isinstance(changed, tuple):
        changed = float(np.clip(changed, lowest, highest))
    return settings.model_copy(update={name: changed})


def _widened(
    settings: SimulationSettings, held: Mapping[str, Any], steps: Sequence[tuple[str, tuple[float, ...], bool]]
) -> SimulationSettings:
    """The settings rounded, and ranges around what was found for those that vary between micrographs."""
    rounded: dict[str, Any] = {
        name: float(f"{getattr(settings, name):.3g}")
        for name in ("dose_e_per_angstrom2", "acceptance_mrad", "objective_aperture_mrad")
        if name not in held and getattr(settings, name) is not None
    }
    for name in {name for name, _, _ in steps} & set(_RANGES):
        middle = getattr(settings, name)[0]
        highest = next(most for limited, _, most in RANGE_LIMITS if limited == name)
        rounded[name] = (round(middle * (1 - _WIDTH), 3), round(min(middle * (1 + _WIDTH), highest), 3))
    return settings.model_copy(update=rounded)


def _misfit(
    real: Sequence[Appearance], settings: SimulationSettings, count: int, seed: int, *, has_masks: bool
) -> float:
    simulated = []
    for index in range(count):
        micrograph = simulate_micrograph(settings, seed=seed + index)
        try:
            mask = micrograph.mask if has_masks else None
            simulated.append(measure_appearance(micrograph.pixels, mask, settings.pixel_size_nm))
        except DatasetError:
            continue
    if not simulated:
        return np.inf
    one, other = (_medians(side, with_edge=settings.mask_height > 0) for side in (real, simulated))
    both = np.isfinite(one) & np.isfinite(other)
    return float(np.square(one[both] - other[both]).mean()) if both.any() else np.inf


def _medians(appearances: Sequence[Appearance], *, with_edge: bool) -> np.ndarray:
    """Contrast, sd ratio, power and edge on scales on which a difference of one can be seen; medians over micrographs.

    NaN where no micrograph has the number.
    """
    rows = [astuple(one) for one in appearances]
    contrast = [row[0] / _SCALES["contrast"] for row in rows]
    ratio = [np.log(max(row[1], 1e-6)) / _SCALES["sd_ratio"] for row in rows]
    power = np.log(np.maximum([row[2] for row in rows], 1e-9)) / _SCALES["power"]
    edge = np.array([row[4] for row in rows]) / _SCALES["edge"] if with_edge else np.empty((len(rows), 0))
    columns = np.column_stack([contrast, ratio, power, edge])
    return np.array(
        [np.median(column[np.isfinite(column)]) if np.isfinite(column).any() else np.nan for column in columns.T]
    )
