"""Settings of simulated micrographs, and the presets that name whole sets of them."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tem_rf.config.marks import Flags
from tem_rf.config.training import settings_error
from tem_rf.errors import SettingsError
from tem_rf.files import parse_json, read_small_file

_LARGEST_PRESET = 100_000  # bytes


def _as_range(value: Any) -> Any:
    """Read `10:60` as a range and a single number as a range without width."""
    if isinstance(value, str):
        value = value.split(":")
    elif isinstance(value, int | float):
        value = [value]
    return value * 2 if isinstance(value, list) and len(value) == 1 else value


# A value for each micrograph is drawn evenly from a range.
Range = Annotated[tuple[float, float], BeforeValidator(_as_range)]


class SimulationSettings(BaseModel):
    """What is on the grid, and how the microscope takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    preset: str = Field("au-5nm", description="Name of the preset these settings started from.")
    size_px: int = Field(512, ge=64, le=8192, description="Height and width of a micrograph [px].")
    pixel_size_nm: float = Field(0.02152, gt=0.005, le=0.5, description="Side of a pixel [nm].")

    material: str = Field(
        "Au", max_length=500, description="Au, Ag, Pt, Pd, CdSe and others by name, or the path of a .cif file."
    )
    diameter_nm: float = Field(5.0, ge=0.8, le=60, description="Mean diameter of the particles [nm].")
    diameter_spread: float = Field(0.1, ge=0, le=0.5, description="Relative standard deviation of the diameter.")
    small_particles: float = Field(
        0.15, ge=0, le=1, description="Part of the particles that are small: 0.3 to 0.7 of the diameter."
    )
    coverage: float = Field(0.15, ge=0, le=0.4, description="Part of the field that particles cover.")
    particle_count: Annotated[int | None, Flags("particles")] = Field(
        None, ge=0, description="Particles per micrograph, in place of coverage."
    )
    minimum_gap_nm: float = Field(
        0.5, ge=-60, le=60, description="Minimum gap between particles in projection [nm]; below zero they may overlap."
    )
    touching: float = Field(
        0.3, ge=0, le=1, description="Part of the particles that touch, have grown together or overlap with another."
    )
    below: float = Field(0.1, ge=0, le=1, description="Part of the particles that are below the film.")
    sinking: float = Field(0.2, ge=0, le=1, description="How deep particles sink into the film, in diameters, at most.")
    defects: float = Field(0.6, ge=0, le=1, description="Part of the particles that are no single crystals.")
    zone_axis: str | None = Field(
        None,
        description="Direction of the crystal along the beam, such as 1,-1,0, turned at random about it; default: "
        "random orientations. Twins are stacked along [111].",
    )
    zone_tilt_deg: float = Field(
        2.0,
        ge=0,
        le=30,
        description="Standard deviation of the tilt away from the zone axis, on either axis [degrees].",
    )
    irregularity: float = Field(
        0.1, ge=0, le=0.5, description="How far outlines are elongated, dented and flattened, relative to the radius."
    )
    strain: float = Field(0.01, ge=0, le=0.1, description="Standard deviation of the strain, with a bend to match.")
    surface_disorder: float = Field(
        1.0, ge=0, le=5, description="Displacement of surface atoms, in units of 0.03 nm rms."
    )
    rims: float = Field(0.4, ge=0, le=1, description="Part of the particles with a rim of ligands or contamination.")
    carbon_nm: Range = Field((4.0, 6.0), description="Thickness of the amorphous carbon film [nm].")
    film_variation: float = Field(
        0.05, ge=0, le=0.5, description="Relative standard deviation of the film's thickness within a field."
    )

    mask_height: float = Field(
        0.0,
        ge=0,
        le=0.9,
        description="Part of the height of a particle's blurred edge at which its mask ends; 0.5: as people label, 0: "
        "at its last atom.",
    )

    voltage_kv: float = Field(300.0, ge=20, le=1500, description="Accelerating voltage [kV].")
    defocus_nm: Range = Field((20.0, 50.0), description="Distance from focus [nm].")
    defocus_sign: Literal["both", "under", "over"] = Field("both", description="Side of focus.")
    cs_um: Range = Field((-20.0, 20.0), description="Spherical aberration [µm].")
    focal_spread_nm: Range = Field((2.0, 4.0), description="Standard deviation of focus: temporal coherence [nm].")
    convergence_mrad: float = Field(0.1, ge=0, le=5, description="Standard deviation of the illumination angle [mrad].")
    acceptance_mrad: float = Field(
        50.0, ge=5, le=500, description="Scattering angle beyond which electrons are lost, without an aperture [mrad]."
    )
    objective_aperture_mrad: float | None = Field(
        None, gt=0, description="Half angle of the objective aperture, which makes more amplitude contrast [mrad]."
    )
    diffraction_contrast: float = Field(
        0.25, ge=0, le=1, description="Relative spread, by orientation, of what particles scatter out of the image."
    )
    image_spread_nm: Range = Field((0.02, 0.04), description="Standard deviation of vibration and noise fields [nm].")
    drift_nm: Range = Field((0.0, 0.03), description="Drift of the specimen during the exposure [nm].")
    illumination_variation: Range = Field(
        (0.0, 0.01), description="Change of the illumination across the field, relative."
    )
    slice_thickness_nm: float = Field(1.0, ge=0.1, le=5, description="Thickness of a multislice slice [nm].")

    dose_e_per_angstrom2: Annotated[float, Flags("dose")] = Field(423.0, gt=0, le=1e6, description="Electrons per Å².")
    camera: Literal["scintillator", "direct"] = Field(
        "scintillator", description="Scintillator: noise is blurred with the signal; direct: electrons are counted."
    )
    detector_blur_px: Annotated[float, Flags("blur_px")] = Field(
        1.0, ge=0, le=10, description="Standard deviation of the detector's blur [px]."
    )
    detector_halo: float = Field(
        0.05, ge=0, le=0.5, description="Part of the signal that the detector spreads five times as far."
    )
    quantum_efficiency: float = Field(
        0.9, gt=0, le=1, description="Detective quantum efficiency at low frequencies, which costs dose."
    )
    frames: int = Field(1, ge=1, le=10_000, description="Frames that are averaged, each read out by itself.")
    counts_per_electron: float = Field(30.0, gt=0, le=1e4, description="Gain of the camera.")
    offset_counts: float = Field(20.0, ge=0, le=1e4, description="Dark level of the camera.")
    read_noise_counts: float = Field(4.0, ge=0, le=1e3, description="Standard deviation of the readout noise.")
    gain_error: float = Field(
        0.005, ge=0, le=0.5, description="Relative standard deviation of what the gain correction leaves, by pixel."
    )
    dead_pixels_per_megapixel: float = Field(5.0, ge=0, le=1e4, description="Pixels without signal, per million.")
    hot_pixels_per_megapixel: float = Field(5.0, ge=0, le=1e4, description="Pixels of a high dark level, per million.")
    xray_spikes_per_megapixel: Annotated[float, Flags("xray_spikes")] = Field(
        0.0, ge=0, le=1e4, description="Pixels hit by x-rays, per million."
    )

    @model_validator(mode="after")
    def _hold_together(self) -> "SimulationSettings":
        for name, least, most in RANGE_LIMITS:
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise SettingsError(
                    f"`{name}`: expected LOW:HIGH within {least:g}:{most:g}, received {low:g}:{high:g}."
                )
        if self.zone_axis is not None:
            zone_indices(self.zone_axis)
        field_nm = self.size_px * self.pixel_size_nm
        if self.diameter_nm > field_nm:
            raise SettingsError(
                f"`diameter_nm`: a particle of {self.diameter_nm:g} nm does not fit a field of {self.size_px} px x "
                f"{self.pixel_size_nm:g} nm = {field_nm:.3g} nm; raise `size_px` or `pixel_size_nm`."
            )
        return self


def zone_indices(text: str) -> tuple[int, int, int]:
    """Read the indices of a direction.

    Raises:
        SettingsError: They are not three whole numbers from -9 to 9, or all 0.

    >>> zone_indices("1,-1,0")
    (1, -1, 0)
    """
    if not re.fullmatch(r"\s*-?\d\s*(,\s*-?\d\s*){2}", text) or not any(character in "123456789" for character in text):
        raise SettingsError(
            f"`zone_axis`: expected three whole numbers from -9 to 9 such as 1,-1,0, received {text!r}."
        )
    u, v, w = map(int, text.split(","))
    return u, v, w


RANGE_LIMITS = (
    ("carbon_nm", 0, 20),
    ("defocus_nm", 0, 5000),
    ("cs_um", -5000, 5000),
    ("focal_spread_nm", 0, 50),
    ("image_spread_nm", 0, 5),
    ("drift_nm", 0, 50),
    ("illumination_variation", 0, 0.9),
)

# 0.02152 and 0.1243 nm/px, 423 and 16 e/Å² are the study's. Defocus, carbon, acceptance and image spread were fitted to
# contrast, fringes and grain of real micrographs, and checked with networks trained on real ones (docs/method.md).
# Facets and dents lie inside the outer diameter; the shadows of high-resolution presets are about as wide as they are
# named (au-5nm: 4.8 nm, so that a field of 256 px still holds one).
PRESETS: dict[str, dict[str, Any]] = {
    "au-2.2nm": {
        "diameter_nm": 2.6,
        "diameter_spread": 0.15,
        "coverage": 0.25,
        "defocus_nm": (18.0, 38.0),
        "defocus_sign": "under",
        "carbon_nm": (7.0, 9.0),
        "surface_disorder": 0.3,
    },
    "au-5nm": {"diameter_nm": 5.5, "coverage": 0.2},
    "au-10nm": {"diameter_nm": 11.0, "coverage": 0.2, "size_px": 1024},
    "ag-5nm": {"material": "Ag", "diameter_nm": 5.5, "coverage": 0.2},
    "pt-3nm": {"material": "Pt", "diameter_nm": 3.5, "diameter_spread": 0.15, "coverage": 0.2},
    "pd-4nm": {"material": "Pd", "diameter_nm": 4.6, "diameter_spread": 0.15, "coverage": 0.2},
    "cdse-5nm": {"material": "CdSe", "diameter_nm": 5.5, "coverage": 0.2, "rims": 0.9},
    "au-20nm-lowres": {
        "diameter_nm": 20.0,
        "pixel_size_nm": 0.1243,
        "minimum_gap_nm": 1.0,
        "mask_height": 0.5,
        "defocus_nm": (400.0, 900.0),
        "defocus_sign": "under",
        "convergence_mrad": 0.5,
        "image_spread_nm": (0.1, 0.5),
        "detector_blur_px": 1.2,
        "objective_aperture_mrad": 10.0,
        "diffraction_contrast": 0.3,
        "slice_thickness_nm": 2.0,
        "dose_e_per_angstrom2": 16.0,
    },
}


def _read_preset(path: Path) -> dict[str, Any]:
    """The settings of a preset file: a JSON object of settings, and of the preset that says the rest."""
    try:
        found = parse_json(read_small_file(path, _LARGEST_PRESET))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise SettingsError(f"{path}: is no preset in JSON ({str(error)[:120]}).") from error
    base = found.get("preset", "au-5nm") if isinstance(found, dict) else None
    if not isinstance(base, str) or base not in PRESETS:
        raise SettingsError(f"{path}: expected an object of settings whose preset is one of {', '.join(PRESETS)}.")
    return PRESETS[base] | {name: value for name, value in found.items() if name != "preset"}


def preset_values(preset: str) -> dict[str, Any]:
    """The settings that a preset, or a preset file, sets.

    Raises:
        SettingsError: There is no such preset.
    """
    own = _read_preset(Path(preset)) if preset.endswith(".json") else PRESETS.get(preset)
    if own is None:
        raise SettingsError(
            f"preset: expected one of {', '.join(PRESETS)}, or the path of a .json file, received {preset[:200]!r}."
        )
    return dict(own)


def simulation_settings(preset: str = "au-5nm", **changes: Any) -> SimulationSettings:
    """The settings of a preset, or of a preset file, with changes; `model_fields_set` has the names of the changes.

    Raises:
        SettingsError: Unknown preset, unknown setting, or a value out of range.

    >>> simulation_settings("au-2.2nm", defocus_nm="20:40").defocus_nm
    (20.0, 40.0)
    """
    own = preset_values(preset)
    try:
        settings = SimulationSettings(**{"preset": preset, **own, **changes})
    except ValidationError as error:
        raise settings_error(error, SimulationSettings) from error
    return SimulationSettings.model_construct(_fields_set=set(changes), **dict(settings))
