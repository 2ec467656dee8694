"""Settings for preparing a dataset of patches from micrographs and labels."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tem_rf.config.reading import ReadingSettings
from tem_rf.config.training import settings_error

Normalization = Literal["standard", "percentile", "min-max"]
PixelSizeNm = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _off(value: Any) -> Any:
    """Zero, as a word or as a number, turns a threshold off."""
    return None if value in (0, "0", "off", "none") else value


class PreprocessingSettings(BaseModel):
    """Preprocessing of a whole micrograph before it is cut, the same in preparation and inference.

    Source: Sytwu et al. 2022, "Dataset Creation". Options beyond it are off by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    xray_threshold: Annotated[float | None, BeforeValidator(_off)] = Field(
        1500, gt=0, description="Counts above the median that make a pixel an x-ray outlier; 0: outliers are kept."
    )
    flat_field_px: float | None = Field(
        None,
        gt=0,
        le=2**14,
        description="Width of the Gaussian used to estimate uneven illumination, which is divided out [px].",
    )
    target_pixel_size_nm: PixelSizeNm | None = Field(
        None, description="Pixel size to which micrographs are rescaled [nm]; None: no rescaling."
    )
    normalization: Normalization = Field(
        "standard", description="standard: mean 0, sd 1; percentile: 1 % at 0, 99 % at 1; min-max: from 0 to 1."
    )


class PreparationSettings(PreprocessingSettings, ReadingSettings):
    """How micrographs are turned into a dataset. Defaults are those of the study, except the split by micrograph."""

    patch_size: int = Field(512, ge=8, description="Patch size [px].")
    pixel_size_nm: PixelSizeNm | None = Field(
        None, description="Pixel size [nm], which overrides the one in the files; None: from the files."
    )
    resample: bool = Field(
        False, description="Resample micrographs whose pixels are not square; otherwise they are rejected."
    )
    background_threshold: int = Field(
        400, ge=0, description="Patches with no more particle pixels than this are dropped."
    )
    split: Literal["micrograph", "study"] = Field(
        "micrograph",
        description="micrograph: whole micrographs, balanced by particle fraction; study: patches, in file order.",
    )
    seed: int = Field(0, ge=0, description="Seed of the assignment of micrographs to splits.")


def preparation_settings(**changes: Any) -> PreparationSettings:
    """The default settings, with changes.

    Raises:
        SettingsError: Unknown setting, or a value out of range.

    >>> preparation_settings(patch_size=256).background_threshold
    400
    """
    try:
        return PreparationSettings(**changes)
    except ValidationError as error:
        raise settings_error(error, PreparationSettings) from error
