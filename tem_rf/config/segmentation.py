"""Settings for segmenting frames and for tracking the particles of movies."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tem_rf.config.marks import Flags
from tem_rf.config.preparation import PixelSizeNm
from tem_rf.config.reading import ReadingSettings
from tem_rf.config.training import settings_error
from tem_rf.errors import SettingsError

Pictures = Literal["small", "full", "none"]
"""Overlay and size histogram of a segmented file; see `SegmentRequest.pictures`."""


class SegmentSettings(ReadingSettings):
    """How each frame is segmented, and how files and labels are read."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    transforms: Annotated[int, Flags("test_time")] = Field(
        1, ge=1, le=8, description="Rotated and mirrored views to average over, 8 for all."
    )
    split_touching: bool = Field(
        False, description="Split touching particles at their necks, and by the distance if the model gives it."
    )
    min_diameter_nm: float | None = Field(
        None, ge=0, description="Minimum diameter of a particle [nm]; default: 0.5 nm and at least 8 px."
    )
    min_diameter_px: float | None = Field(None, ge=0, description="Minimum diameter of a particle [px].")
    min_confidence: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Minimum confidence of a particle, the mean probability of its pixels; others are left out of all "
        "results.",
    )
    pixel_size_nm: PixelSizeNm | None = Field(
        None, description="Pixel size [nm], which overrides the one in the files."
    )
    resample: bool = Field(
        False, description="Resample micrographs whose pixels are not square; otherwise they are rejected."
    )
    probability: bool = Field(
        False,
        description="Also write the probability and, if several views or models are averaged, their disagreement.",
    )


def segment_settings(**changes: Any) -> SegmentSettings:
    """The default settings, with changes.

    Raises:
        SettingsError: Unknown setting, or a value out of range.

    >>> segment_settings(split_touching=True).transforms
    1
    """
    try:
        return SegmentSettings(**changes)
    except ValidationError as error:
        raise settings_error(error, SegmentSettings) from error


class TrackSettings(BaseModel):
    """How particles are tracked from frame to frame."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_step_nm: float | None = Field(
        None, gt=0, description="Maximum distance that a particle moves between frames [nm]."
    )
    max_step_px: float | None = Field(
        None, gt=0, description="Maximum distance that a particle moves between frames [px]."
    )
    memory: int = Field(0, ge=0, description="Number of frames for which a particle may be lost.")
    correct_drift: bool = Field(
        False, description="Measure the drift of the specimen by phase correlation, and remove it from the tracks."
    )
    frame_interval_s: float | None = Field(
        None, gt=0, description="Time between frames [s]; default: from the file, if it has it."
    )

    def check(self) -> None:
        """Check that the maximum step is given exactly once.

        Raises:
            SettingsError: It is missing, or given twice.
        """
        if (self.max_step_px is None) == (self.max_step_nm is None):
            raise SettingsError("`track`: expected exactly one of `max_step_nm` and `max_step_px`.")

    def step_px(self, pixel_size_nm: float | None) -> float:
        """Maximum distance between frames [px].

        Args:
            pixel_size_nm: Pixel size of the movie [nm], if known.

        Raises:
            SettingsError: The maximum step is given in nm, and the pixel size is not known.
        """
        self.check()
        if self.max_step_px is not None:
            return self.max_step_px
        if pixel_size_nm is None:
            raise SettingsError(
                "`max_step_nm`: the movie has no pixel size; give `pixel_size_nm`, or use `max_step_px` instead."
            )
        assert self.max_step_nm is not None
        return self.max_step_nm / pixel_size_nm


def track_settings(**changes: Any) -> TrackSettings:
    """The default settings, with changes. The defaults do not track.

    Raises:
        SettingsError: Unknown setting, or a value out of range.

    >>> track_settings(max_step_nm=2, memory=1).step_px(0.5)
    4.0
    """
    try:
        return TrackSettings(**changes)
    except ValidationError as error:
        raise settings_error(error, TrackSettings) from error
