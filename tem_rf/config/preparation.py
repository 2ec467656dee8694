"""Settings for preparing a dataset of patches from micrographs and labels."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tem_rf.config.marks import SEVERAL, Flags
from tem_rf.config.reading import ReadingSettings
from tem_rf.config.training import settings_error

Normalization = Literal["standard", "robust", "percentile", "min-max"]
PixelSizeNm = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PIXEL_SIZE_TOLERANCE = 1.25
"""A network sees nanometres as pixels: beyond this ratio of pixel sizes it was not trained for what it sees."""


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
        "standard",
        description="standard: mean 0, sd 1; robust: darkest areas at -1, brightest at 1, however many particles there "
        "are; percentile: 1 % at 0, 99 % at 1; min-max: from 0 to 1.",
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
    train_count: int | None = Field(
        None, ge=1, description="Number of micrographs for training; None: about 70 %, or what the other splits leave."
    )
    validation_count: int | None = Field(
        None, ge=0, description="Same for validation, about 10 %; 0: none, the network of the last epoch is kept."
    )
    test_count: int | None = Field(None, ge=0, description="Same for testing, about 20 %.")
    test_names: Annotated[tuple[str, ...], *SEVERAL, Flags("test")] = Field(
        (), description="Micrographs for testing, by name or pattern (au_1*), separated by commas; None: balanced."
    )

    @model_validator(mode="after")
    def _splits_by_micrograph(self) -> Self:
        counts = (self.train_count, self.validation_count, self.test_count)
        if self.split == "study" and (self.test_names or any(count is not None for count in counts)):
            raise ValueError("`split`: study divides patches in file order; leave out the counts and `test_names`")
        if self.test_names and self.test_count is not None:
            raise ValueError("`test_count`: the test micrographs are named by `test_names`; leave it out")
        return self


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
