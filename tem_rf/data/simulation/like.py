"""Fit the simulator to a user's own micrographs: "simulate what my microscope sees"."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.simulation import SimulationSettings, simulation_settings
from tem_rf.data.simulation.appearance import Appearance, measure_appearance
from tem_rf.data.simulation.micrograph import simulate_micrograph
from tem_rf.data.simulation.nanoparticle import grow_nanoparticle
from tem_rf.data.simulation.projection import project_mask
from tem_rf.data.sources import find_pairs, read_labelled
from tem_rf.errors import DatasetError
from tem_rf.files import write_json

_PATCH_PX = 512
_MOST_MICROGRAPHS = 24
_SHADOWS = 24  # particles that are grown to find how much smaller their shadows are than their outer diameter
# Candidates of each setting, in the order in which they are tried; factors multiply what was found before.
_STEPS: tuple[tuple[str, tuple[float, ...], bool], ...] = (
    ("dose_e_per_angstrom2", (1 / 8, 1 / 4, 1 / 2, 1, 2, 4), True),
    ("detector_blur_px", (0.3, 0.6, 1.0, 1.5, 2.2), False),
    ("acceptance_mrad", (30.0, 45.0, 65.0, 100.0, 200.0), False),
    ("carbon_nm", (1.0, 2.5, 4.0, 6.0, 9.0), False),
    ("dose_e_per_angstrom2", (0.5, 0.7, 1, 1.4, 2), True),
    ("acceptance_mrad", (0.8, 1, 1.25), True),
)
_WIDTH = 0.3  # of a fitted range, on either side
_SCALES = {"contrast": 0.08, "sd_ratio": 0.1, "power": 0.25}  # differences that count as one

Progress = Callable[[int, int], None]


def fit_preset(
    folder: Path,
    output: Path,
    *,
    preset: str = "au-5nm",
    pixel_size_nm: float | None = None,
    count: int = 4,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> SimulationSettings:
    """Fit dose, blur, contrast and film to real micrographs with masks, and write a preset.

    Sizes and coverage are measured on the masks. The rest is found by trying: simulated micrographs are compared with
    the real ones by contrast, strength of fringes and power spectrum, one setting after the other.

    Args:
        folder: Of images/ and labels/ (or masks/).
        output: JSON file to write, which `simulation_settings` takes for a preset.
        preset: Preset to start from, which says all that is not fitted.
        pixel_size_nm: Side of a pixel [nm], in place of what the files say.
        count: Simulated micrographs per trial.
        seed: Seed of the simulated micrographs.
        progress: Called with the trials done and their number.

    Returns:
        The settings found, as in the file.

    Raises:
        DatasetError: No micrograph has both particles and background, or the pixel size is not known.
        ReadError: A file cannot be read.
    """
    real, measured = _measure(folder, pixel_size_nm)
    settings = simulation_settings(preset, **measured)
    settings = settings.model_copy(update={"diameter_nm": _outer_diameter(settings, seed)})
    total = sum(len(values) for _, values, _ in _STEPS)
    done = 0
    progress(done, total)
    for name, values, is_factor in _STEPS:
        misfits = []
        candidates = [_changed(settings, name, value, is_factor=is_factor) for value in values]
        for candidate in candidates:
            misfits.append(_misfit(real, candidate, count, seed))
            done += 1
            progress(done, total)
        settings = candidates[int(np.argmin(misfits))]
    settings = _widened(settings)
    differing = simulation_settings(preset).model_dump()
    changes = {name: value for name, value in settings.model_dump(mode="json").items() if value != differing[name]}
    write_json(output, {"preset": preset} | {name: changes[name] for name in changes if name != "preset"})
    return settings


def _measure(folder: Path, pixel_size_nm: float | None) -> tuple[list[Appearance], dict[str, Any]]:
    """Appearance of the micrographs, and what their masks say: pixel size, diameter, spread, coverage."""
    appearances, diameters, fractions, sizes = [], [], [], []
    for pair in find_pairs(folder, None)[:_MOST_MICROGRAPHS]:
        for labelled in read_labelled(pair, pixel_size_nm):
            size = labelled.micrograph.pixel_size_nm
            if size is None:
                raise DatasetError(f"{pair.image}: does not say its pixel size; give it in nm.")
            pixels, mask = _busiest_patch(labelled.micrograph.pixels, labelled.mask)
            fractions.append(float(labelled.mask.mean()))
            diameters += _diameters(labelled.mask, size)
            sizes.append(size)
            try:
                appearances.append(measure_appearance(pixels, mask, size))
            except DatasetError:
                continue  # too little particle or background
    if not appearances or not diameters:
        raise DatasetError(
            f"{folder}: no micrograph shows particles, a whole one among them, and background; label more of them."
        )
    mean = float(np.median(diameters))
    return appearances, {
        "pixel_size_nm": float(np.median(sizes)),
        "size_px": _PATCH_PX,
        "diameter_nm": round(min(max(mean, 0.8), 60.0), 2),
        "diameter_spread": round(float(np.clip(np.std(diameters) / mean, 0.05, 0.5)), 2),
        "coverage": round(float(np.clip(np.mean(fractions), 0.02, 0.4)), 3),
    }


def _busiest_patch(pixels: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The patch whose particle fraction is nearest to a third, of those without overlap."""
    rows = range(0, max(pixels.shape[0] - _PATCH_PX, 0) + 1, _PATCH_PX)
    columns = range(0, max(pixels.shape[1] - _PATCH_PX, 0) + 1, _PATCH_PX)
    patches = [np.s_[row : row + _PATCH_PX, column : column + _PATCH_PX] for row in rows for column in columns]
    best = min(patches, key=lambda patch: abs(mask[patch].mean() - 1 / 3))
    return pixels[best], mask[best]


def _diameters(mask: np.ndarray, pixel_size_nm: float) -> list[float]:
    """Diameters of discs as large as the particles that no border cuts [nm]; of all where it cuts every one."""
    from skimage.measure import label, regionprops

    regions = regionprops(label(mask))
    height, width = mask.shape
    whole = [r for r in regions if r.bbox[0] > 0 and r.bbox[1] > 0 and r.bbox[2] < height and r.bbox[3] < width]
    return [2 * float(np.sqrt(region.area / np.pi)) * pixel_size_nm for region in whole or regions]


def _outer_diameter(settings: SimulationSettings, seed: int) -> float:
    """Outer diameter of particles whose shadows are discs of the diameter of the settings, on average [nm].

    Facets and dents are inside the outer diameter, which is what the settings mean.
    """
    rng = np.random.default_rng(seed)
    wanted = settings.diameter_nm
    pixel_nm = wanted / 100
    ratios = []
    for _ in range(_SHADOWS):
        atoms = grow_nanoparticle(wanted, settings, rng).atoms
        if len(atoms):
            shadow = project_mask(atoms + wanted, shape=(200, 200), pixel_size_nm=pixel_nm)
            ratios.append(2 * np.sqrt(shadow.sum() / np.pi) * pixel_nm / wanted)
    ratio = float(np.mean(ratios)) if ratios else 1.0
    return round(float(np.clip(wanted / ratio, 0.8, 60)), 2)


def _changed(settings: SimulationSettings, name: str, value: float, *, is_factor: bool) -> SimulationSettings:
    if is_factor:
        value *= getattr(settings, name)
    field = SimulationSettings.model_fields[name]
    changed: Any = (value, value) if name == "carbon_nm" else value
    least = min((m.ge for m in field.metadata if hasattr(m, "ge")), default=-np.inf)
    most = max((m.le for m in field.metadata if hasattr(m, "le")), default=np.inf)
    if not isinstance(changed, tuple):
        changed = float(np.clip(changed, least, most))
    return settings.model_copy(update={name: changed})


def _widened(settings: SimulationSettings) -> SimulationSettings:
    middle = settings.carbon_nm[0]
    carbon = (round(middle * (1 - _WIDTH), 2), round(min(middle * (1 + _WIDTH), 20.0), 2))
    rounded = {name: float(f"{getattr(settings, name):.3g}") for name in ("dose_e_per_angstrom2", "acceptance_mrad")}
    return settings.model_copy(update={"carbon_nm": carbon, **rounded})


def _misfit(real: Sequence[Appearance], settings: SimulationSettings, count: int, seed: int) -> float:
    simulated = []
    for index in range(count):
        micrograph = simulate_micrograph(settings, seed=seed + index)
        try:
            simulated.append(measure_appearance(micrograph.pixels, micrograph.mask, settings.pixel_size_nm))
        except DatasetError:
            continue
    if not simulated:
        return np.inf
    one, other = (_means(side) for side in (real, simulated))
    both = np.isfinite(one) & np.isfinite(other)
    return float(np.square(one[both] - other[both]).mean())


def _means(appearances: Sequence[Appearance]) -> np.ndarray:
    """Contrast, sd ratio and power on scales on which a difference of one can be seen; medians over micrographs."""
    rows = [astuple(one) for one in appearances]
    contrast = [row[0] / _SCALES["contrast"] for row in rows]
    ratio = [np.log(max(row[1], 1e-6)) / _SCALES["sd_ratio"] for row in rows]
    power = np.log(np.maximum([row[2] for row in rows], 1e-9)) / _SCALES["power"]
    return np.concatenate([[np.median(contrast), np.median(ratio)], np.median(power, axis=0)])
