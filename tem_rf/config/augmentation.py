"""Settings of augmentation beyond the eight dihedral transforms. All are off by default, as in the study."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tem_rf.config.training import settings_error


class AugmentationSettings(BaseModel):
    """How strongly training patches are changed at random, to imitate other microscopes and exposures.

    Each patch draws its own strength, uniformly between zero and the value given here; factors are drawn uniformly on a
    logarithmic scale.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    blur_px: float = Field(0, ge=0, le=16, description="Maximum width of a Gaussian blur (defocus, drift) [px].")
    dose_fraction: float = Field(
        1, gt=0, le=1, description="Minimum fraction of the dose; Poisson noise is added to match the lower exposure."
    )
    counts_per_electron: float | None = Field(
        None,
        gt=0,
        description="Gain of the camera, for dose_fraction; none: from the dataset, or estimated from the noise.",
    )
    noise_sd: float = Field(0, ge=0, description="Maximum Gaussian noise, in standard deviations of the micrograph.")
    gain: float = Field(0, ge=0, lt=1, description="Maximum relative change of the contrast, up or down.")
    offset: float = Field(0, ge=0, description="Maximum brightness offset, in standard deviations of the micrograph.")
    reduction: float = Field(
        1,
        ge=1,
        le=16,
        description="Maximum factor by which patches are reduced in size and enlarged again (binning, printing).",
    )
    gamma: float = Field(1, ge=1, le=4, description="Maximum exponent applied to the grey levels, or its inverse.")
    illumination: float = Field(
        0,
        ge=0,
        description="Maximum change of the brightness across a patch, in standard deviations of the micrograph.",
    )
    rotation_degrees: float = Field(
        0, ge=0, le=45, description="Maximum rotation, in addition to the quarter turns; labels rotate too [°]."
    )
    scale: float = Field(
        1, ge=1, le=4, description="Maximum factor by which patches are enlarged or reduced; labels are scaled too."
    )

    @property
    def moves_pixels(self) -> bool:
        """Whether labels change with their patches."""
        return self.rotation_degrees > 0 or self.scale > 1

    @property
    def is_off(self) -> bool:
        """Whether patches are left unchanged."""
        return self.model_copy(update={"counts_per_electron": None}) == AugmentationSettings()


NO_AUGMENTATION = AugmentationSettings()

# For micrographs of a lower dose than those of the dataset: docs/experiments.md, "Robustness to the dose".
RECIPE_AUGMENTATION: dict[str, dict[str, float]] = {"robust": {"noise_sd": 1.75}}
"""Augmentation of the training recipes that have one."""


def augmentation_settings(recipe: str | None = None, **changes: float | None) -> AugmentationSettings:
    """Augmentation of a recipe, with changes; without either it is off.

    Raises:
        SettingsError: Unknown setting, or a value out of range.

    >>> augmentation_settings(noise_sd=0.5).is_off
    False
    >>> augmentation_settings("robust").noise_sd
    1.75
    """
    try:
        return AugmentationSettings(**{**RECIPE_AUGMENTATION.get(recipe or "", {}), **changes})
    except ValidationError as error:
        raise settings_error(error, AugmentationSettings) from error
