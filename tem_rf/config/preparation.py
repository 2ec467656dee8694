"""Settings of one preparation: from micrographs and labels to a dataset of patches."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tem_rf.config.reading import ReadingSettings
from tem_rf.config.training import settings_error

Normalization = Literal["standard", "percentile", "min-max"]
PixelSizeNm = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PIXEL_SIZE_TOLERANCE = 1.25
"""A network sees nanometres as pixels: beyond this ratio of pixel sizes it was not trained for what it sees."""


def _off(value: Any) -> Any:
    """Zero, in words or as a number, turns a threshold off."""
    return None if value in (0, "0", "off", "none") else value


class PreprocessingSettings(BaseModel):
    """What is done to a whole micrograph before it is cut, in preparation and at inference alike.

    Source: Sytwu et al. 2022, "Dataset Creation"; the choices beyond it are off by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    xray_threshold: Annotated[float | None, BeforeValidator(_off)] = Field(
        1500, gt=0, description="Counts above the median that make a pixel an x-ray outlier; 0: outliers are kept."
    )
    flat_field_px: float | None = Field(
        None,
        gt=0,
        le=2**14,
        description="Width of the Gaussian that follows uneven illumination, which is divided out [px].",
    )
    target_pixel_size_nm: PixelSizeNm | None = Field(
        None, description="Micrographs are rescaled to this pixel size [nm]; None keeps their own."
    )
    normalization: Normalization = Field(
        "standard", description="standard: mean 0, sd 1; percentile: 1 % at 0, 99 % at 1; min-max: from 0 to 1."
    )


class PreparationSettings(PreprocessingSettings, ReadingSettings):
    """How micrographs become a dataset; the defaults are the study's, but for the split by micrograph."""

    patch_size: int = Field(512, ge=8, description="Side of a patch [px].")
    pixel_size_nm: PixelSizeNm | None = Field(
        None, description="Side of a pixel [nm], in place of what the files say; None trusts the files."
    )
    resample: bool = Field(
        False, description="Resample micrographs whose pixels are not square; else they are refused."
    )
    background_threshold: int = Field(
        400, ge=0, description="Patches with at most so many particle pixels are dropped."
    )
    split: Literal["micrograph", "study"] = Field(
        "micrograph",
        description="micrograph: whole micrographs, alike in particle fraction; study: patches in their order.",
    )
    seed: int = Field(0, ge=0, description="Decides which micrograph goes to which split.")


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
