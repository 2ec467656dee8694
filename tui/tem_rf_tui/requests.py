"""What the forms of commands ask for, and the command lines they become."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from tem_rf.config.preparation import PreparationSettings
from tem_rf.config.simulation import PRESETS
from tem_rf.data.published.public import PUBLISHED_SETS


class PrepareRequest(PreparationSettings):
    """`tem-rf prepare`; what is not shown keeps its default."""

    output: str = Field("datasets/new", min_length=1, description="Dataset folder to write.")

    def arguments(self, micrographs: Path) -> list[str]:
        """The command line."""
        defaults = PreparationSettings().model_dump()
        changed = {name: value for name, value in self.model_dump().items() if value != defaults.get(name)}
        if self.xray_threshold is None:
            changed["xray_threshold"] = 0
        return ["prepare", str(micrographs), *as_options(changed), "--json"]


PREPARE_FIELDS = (
    "output",
    "patch_size",
    "pixel_size_nm",
    "background_threshold",
    "xray_threshold",
    "split",
    "normalization",
)
"""Fields of the form."""


class SimulateRequest(BaseModel):
    """`tem-rf simulate`."""

    preset: str = Field("au-5nm", description="What to simulate.", json_schema_extra={"enum": [*PRESETS]})
    count: int = Field(20, ge=1, description="Number of micrographs.")
    size_px: int = Field(512, ge=64, le=8192, description="Height and width [px].")
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    output: str = Field("simulated/au-5nm", min_length=1, description="Folder to write.")

    def arguments(self) -> list[str]:
        """The command line."""
        return ["simulate", self.preset, *as_options(self.model_dump(exclude={"preset"})), "--json"]


class ExtendRequest(BaseModel):
    """More epochs for a run."""

    epochs: int = Field(ge=1, description="Epochs in all, more than before.")


class FetchRequest(BaseModel):
    """`tem-rf data fetch`."""

    name: str = Field("au-5nm", description="Published set.", json_schema_extra={"enum": [*PUBLISHED_SETS]})
    out: str = Field("data", min_length=1, description="Folder to put it in; the name is added.")

    def arguments(self) -> list[str]:
        """The command line."""
        return ["data", "fetch", self.name, "--out", self.out, "--json"]


class SegmentRequest(BaseModel):
    """`tem-rf segment`."""

    images: str = Field("", min_length=1, description="Micrograph, or folder of them.")
    output: str = Field("segmented", min_length=1, description="Folder for masks and overlays.")
    pixel_size_nm: float | None = Field(None, gt=0, description="Side of a pixel [nm]; none: what the files say.")
    split_touching: bool = Field(False, description="Take particles that touch apart.")
    min_diameter_nm: float | None = Field(
        None, ge=0, description="Smallest diameter of a particle [nm]; none: 0.5 nm and at least 8 px."
    )

    def arguments(self, model: Path) -> list[str]:
        """The command line."""
        return [
            "segment",
            self.images,
            "--model",
            str(model),
            *as_options(self.model_dump(exclude={"images"})),
            "--json",
        ]


def as_options(values: Mapping[str, Any]) -> list[str]:
    """Settings as options of the command line; what is None is left out, and so is a switch that is off.

    >>> as_options({"patch_size": 128, "xray_threshold": 0, "seed": None, "overwrite": True, "track": False})
    ['--patch-size', '128', '--xray-threshold', '0', '--overwrite']
    """
    given = {
        f"--{name.replace('_', '-')}": value
        for name, value in values.items()
        if value is not None and value is not False
    }
    return [text for option, value in given.items() for text in ([option] if value is True else [option, str(value)])]
