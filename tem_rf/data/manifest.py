"""The content of `dataset.json`, the description of a prepared dataset."""

from pydantic import BaseModel, ConfigDict, Field

from tem_rf.config.preparation import Normalization, PixelSizeNm, PreparationSettings
from tem_rf.data.intensity import Intensity
from tem_rf.data.splits import Split

SCHEMA_VERSION = 1


class Source(BaseModel):
    """A labelled micrograph used for a dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Name of the micrograph, as in patches.csv.")
    file: str = Field(description="File of the micrograph.")
    frame: int | None = Field(None, description="Number of the frame, in a file of several.")
    sha256: str
    label_file: str
    label_sha256: str
    height: int = Field(description="Height after rescaling [px].")
    width: int = Field(description="Width after rescaling [px].")
    particle_fraction: float = Field(description="Fraction of particle pixels, of those that are not unsure.")
    unsure_fraction: float = Field(0.0, description="Fraction of pixels labelled as not sure.")
    splits: tuple[Split, ...] = Field(description="Splits of its patches: one, unless patches were split separately.")
    patches: int = Field(description="Patches kept.")
    dropped_patches: int = Field(description="Patches with too few particle pixels.")
    left_out_px: int = Field(description="Pixels at the right and bottom that are in no patch.")
    xray_threshold: float | None = Field(description="Counts above the median; None: outliers were kept.")
    outliers_replaced: int
    offset: float = Field(description="Subtracted to normalize: the mean, for standard normalization.")
    scale: float = Field(description="Divided by to normalize: the standard deviation, for standard normalization.")
    mean: float | None = Field(None, description="Mean counts before normalization; None: not recorded.")
    sd: float | None = Field(None, gt=0, description="Standard deviation of the counts; None: not recorded.")
    robust: tuple[float, float] | None = Field(
        None, description="Offset and scale of robust normalization; None: not recorded."
    )
    counts_per_electron: float | None = Field(
        None, gt=0, description="Gain of the camera, per pixel of the patches; None: not in the files."
    )
    notes: tuple[str, ...] = Field((), description="Notes of the reader.")

    def mean_and_sd(self, normalization: Normalization) -> tuple[float, float] | None:
        """Mean and standard deviation of its counts; None if an older version did not record them."""
        if self.mean is not None and self.sd is not None:
            return self.mean, self.sd
        return (self.offset, self.scale) if normalization == "standard" else None

    def levels(self, own: Normalization, wanted: Normalization) -> tuple[float, float] | None:
        """Offset and scale of a normalization; None if they are not recorded.

        Args:
            own: Normalization of the dataset.
            wanted: The other normalization.
        """
        if wanted == own:
            return self.offset, self.scale
        if wanted == "standard":
            return self.mean_and_sd(own)
        return self.robust if wanted == "robust" else None


class NearDuplicate(BaseModel):
    """Two micrographs of the same area."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    one: str = Field(description="Name of the first source.")
    other: str = Field(description="Name of the second source.")
    overlap: float = Field(description="Fraction of the field that they share.")
    shift_px: tuple[int, int] = Field(description="Shift of the second against the first, down and right [px].")
    significance: float = Field(
        description="Agreement of the film between particles, in standard deviations of chance."
    )
    is_leak: bool = Field(description="Whether they are in different splits, so that test data were trained on.")


class Manifest(BaseModel):
    """Content of `dataset.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    name: str
    pixel_size_nm: PixelSizeNm | None = Field(description="Pixel size of the patches [nm]; None: not known.")
    patch_size: int = Field(ge=1, description="Patch size [px].")
    settings: PreparationSettings
    sources: tuple[Source, ...]
    intensity: Intensity
    near_duplicates: tuple[NearDuplicate, ...] = Field(
        (), description="Micrographs of the same area, most certain first."
    )
