"""What `dataset.json` says of a prepared dataset."""

from pydantic import BaseModel, ConfigDict, Field

from tem_rf.config.preparation import Normalization, PixelSizeNm, PreparationSettings
from tem_rf.data.intensity import Intensity
from tem_rf.data.splits import Split

SCHEMA_VERSION = 1


class Source(BaseModel):
    """A labelled micrograph that went into a dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Name of the micrograph, as patches.csv has it.")
    file: str = Field(description="File of the micrograph.")
    frame: int | None = Field(None, description="Number of the frame, in a file of several.")
    sha256: str
    label_file: str
    label_sha256: str
    height: int = Field(description="Height after rescaling [px].")
    width: int = Field(description="Width after rescaling [px].")
    particle_fraction: float = Field(description="Part of the micrograph that is particle.")
    splits: tuple[Split, ...] = Field(description="Splits its patches are in: one, unless the patches were divided.")
    patches: int = Field(description="Patches kept.")
    dropped_patches: int = Field(description="Patches with too few particle pixels.")
    left_out_px: int = Field(description="Pixels at the right and the bottom that no patch covers.")
    xray_threshold: float | None = Field(description="Counts above the median; None: outliers were left in.")
    outliers_replaced: int
    offset: float = Field(description="Subtracted to normalize: the mean, for standard normalization.")
    scale: float = Field(description="Divided by to normalize: the standard deviation, for standard normalization.")
    mean: float | None = Field(None, description="Mean counts before normalization; None: not written then.")
    sd: float | None = Field(None, gt=0, description="Standard deviation of the counts, likewise.")
    counts_per_electron: float | None = Field(
        None, gt=0, description="Gain of the camera, per pixel of the patches; None: the files do not say."
    )
    notes: tuple[str, ...] = Field((), description="What the reader did that one should know.")

    def mean_and_sd(self, normalization: Normalization) -> tuple[float, float] | None:
        """Mean and standard deviation of its counts; None where an older version left them out."""
        if self.mean is not None and self.sd is not None:
            return self.mean, self.sd
        return (self.offset, self.scale) if normalization == "standard" else None


class NearDuplicate(BaseModel):
    """Two micrographs that show the same place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    one: str = Field(description="Name of a source.")
    other: str = Field(description="Name of another source.")
    overlap: float = Field(description="Part of the field that they share.")
    shift_px: tuple[int, int] = Field(description="How far down and right the other shows what the one shows [px].")
    significance: float = Field(
        description="Agreement of the film between particles, in standard deviations of chance."
    )
    is_leak: bool = Field(description="Whether they are in different splits, so that what is tested was learned.")


class Manifest(BaseModel):
    """Content of `dataset.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    name: str
    pixel_size_nm: PixelSizeNm | None = Field(description="Side of a pixel of the patches [nm]; None: not known.")
    patch_size: int = Field(ge=1, description="Side of a patch [px].")
    settings: PreparationSettings
    sources: tuple[Source, ...]
    intensity: Intensity
    near_duplicates: tuple[NearDuplicate, ...] = Field(
        (), description="Micrographs of one place, the most certain first."
    )
