"""Settings of reading: what of a file is the micrograph, and what of a label is particle."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tem_rf.config.training import settings_error


class ReadingSettings(BaseModel):
    """What is read where a file holds more than one image, and what the values of a label mean.

    The defaults read what is unambiguous; a file that leaves a choice open names the setting that makes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    array: str | None = Field(
        None,
        min_length=1,
        description="Name or path of the array to read, where micrograph files hold several (HDF5, NPZ, TIFF).",
    )
    channel: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Channel of the micrograph files to read, from 1; None: the first, with a note.",
    )
    label_array: str | None = Field(None, min_length=1, description="As `array`, for label files.")
    particle: str | None = Field(
        None,
        min_length=1,
        description="Values, colours (#ff0000, red), classes or channels of labels that are particle; commas between.",
    )
    background: str | None = Field(
        None, min_length=1, description="Likewise, those that are background; the others are particle."
    )
    not_sure: str | None = Field(
        None,
        min_length=1,
        description="Likewise, those that are neither; patches that touch them are left out, scores pass over them.",
    )
    pair: str | None = Field(
        None,
        pattern=r"\{name\}",
        description="Pattern of label names, such as {name}_drawn_*.png; {name} stands for the name of the micrograph.",
    )
    empty_is_background: bool = Field(
        False, description="Micrographs whose label marks nothing are examples of background; else they are refused."
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
