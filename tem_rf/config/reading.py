"""Settings for reading files: which array is the micrograph, and which label values are particle."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tem_rf.config.training import settings_error


class ReadingSettings(BaseModel):
    """Which image of a file is read, and what the values of a label mean.

    The defaults read files that are unambiguous. For any other file, the error names the setting to use.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    array: str | None = Field(
        None,
        min_length=1,
        description="Name or path of the array to read if micrograph files hold several (HDF5, NPZ, TIFF).",
    )
    channel: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Channel of the micrograph files to read, from 1; None: the first, with a note.",
    )
    label_array: str | None = Field(None, min_length=1, description="Same as `array`, for label files.")
    particle: str | None = Field(
        None,
        min_length=1,
        description="Label values, colours (#ff0000, red), classes or channels that are particle, separated by commas.",
    )
    background: str | None = Field(None, min_length=1, description="Same for background; all others are particle.")
    not_sure: str | None = Field(
        None,
        min_length=1,
        description="Same for pixels that are neither, such as 0 in scribbles; training and scores ignore them.",
    )
    complete_area: str | None = Field(
        None,
        min_length=1,
        description="Classes of boxes or outlines in which every particle is labelled; all other pixels are not sure.",
    )
    pair: str | None = Field(
        None,
        pattern=r"\{name\}",
        description="Pattern of label file names, such as {name}_drawn_*.png; {name} is the name of the micrograph.",
    )
    empty_is_background: bool = Field(
        False, description="Use micrographs with an empty label as background examples; otherwise they are rejected."
    )


def reading_settings(**changes: Any) -> ReadingSettings:
    """The default settings, with changes.

    Raises:
        SettingsError: Unknown setting, or a value out of range.

    >>> reading_settings(particle="2").channel is None
    True
    """
    try:
        return ReadingSettings(**changes)
    except ValidationError as error:
        raise settings_error(error, ReadingSettings) from error


AS_IT_IS = ReadingSettings()
"""The defaults."""
