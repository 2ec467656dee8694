"""Model card of an exported model: the content of `model.json`."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from tem_rf.architecture import Architecture
from tem_rf.config.preparation import PixelSizeNm, PreprocessingSettings
from tem_rf.config.training import TrainingSettings, settings_error
from tem_rf.errors import ModelError
from tem_rf.files import parse_json
from tem_rf.metrics.calibration import UNCALIBRATED
from tem_rf.runs.config import Ancestor, ArchitectureField
from tem_rf.saved_models import CARD_NAME

Kind = Literal["simulated", "measured"]


class MicrographSet(BaseModel):
    """One folder of micrographs that the network was trained, validated or tested on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    micrographs: int
    patches: int
    pixel_size_nm: float | None = Field(None, description="Simulated pixel size [nm].")
    diameter_nm: float | None = Field(None, description="Mean diameter of the simulated particles [nm].")
    dose_e_per_angstrom2: float | None = Field(None, description="Simulated dose, electrons per Å².")
    defocus_nm: tuple[float, float] | None = Field(None, description="Range of the simulated defocus [nm].")
    carbon_nm: tuple[float, float] | None = Field(None, description="Range of the simulated film thickness [nm].")


class SeedScores(BaseModel):
    """One of the runs that differ only in their seed or fold; the best by validation score is the model, or all are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    fold: int | None = Field(None, description="Fold that was held out; None: the splits of the dataset.")
    validation_hard_dice: float
    test_hard_dice: float | None = Field(description="Mean over the test images; None if not evaluated.")


class HeldOutScores(BaseModel):
    """Hard dice on whole labelled micrographs outside the dataset, processed like a user's micrographs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    micrographs: int
    hard_dice: float = Field(description="Mean over the micrographs.")
    hard_dice_sd: float | None = Field(description="Standard deviation over the micrographs; None if only one.")
    min_hard_dice: float = Field(
        validation_alias=AliasChoices("min_hard_dice", "least_hard_dice"),  # the name in earlier cards
        description="Minimum over the micrographs.",
    )


SCHEMA_VERSION = 1


class FieldOfView(BaseModel):
    """The receptive field of the model; see docs/architecture.md for the three quantities."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    equation_size_px: int
    size_px: tuple[int, float, int] | None = Field(
        description="Minimum, mean and maximum width; None: the whole image."
    )
    reach_px: int | None
    equation_size_nm: float | None

    @classmethod
    def of(cls, architecture: Architecture, pixel_size_nm: float | None) -> Self:
        """Return the receptive field of an architecture."""
        field = architecture.receptive_field
        return cls(
            equation_size_px=field.equation_size_px,
            size_px=None if field.size_px is None else tuple(field.size_px),
            reach_px=field.reach_px,
            equation_size_nm=pixel_size_nm and field.equation_size_px * pixel_size_nm,
        )


class ImportedFile(BaseModel):
    """The file that a network was imported from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str


class TestScores(BaseModel):
    """Dice on the test split; `images` is the number of images."""

    __test__ = False  # not a pytest class despite its name

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int
    hard_dice: float
    soft_dice: float


class CalibrationNote(BaseModel):
    """The temperature that the probabilities are calibrated with, and the images on which it was fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(gt=0, description="Divides the logits before the softmax.")
    images: int = Field(description="Number of images that it was fitted on.")
    fitted_on: str = Field(description="The images: validation patches of the dataset, or folders.")
    error_before: float = Field(description="Expected calibration error on them without a temperature.")
    error_after: float = Field(description="Expected calibration error on them with it.")


class ModelFile(BaseModel):
    """One format of the network in the folder, and how to call it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str
    file: str
    takes: str
    gives: str


class ModelCard(BaseModel):
    """Everything a user of the model needs to know without access to the run or the dataset.

    The fields from `dataset` to `test` come from a run; an imported network has `imported_from` instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    schema_version: int = SCHEMA_VERSION
    name: str
    architecture: ArchitectureField
    parameters: int
    receptive_field: FieldOfView
    stride_px: int = Field(description="Tiles start on multiples of it.")
    pixel_size_nm: PixelSizeNm | None = Field(description="Pixel size the model was trained at [nm].")
    preprocessing: PreprocessingSettings = Field(description="Preprocessing of the raw counts.")
    done_before: list[str] = Field(description="Preprocessing steps that every format expects to be done beforehand.")
    dataset: str | None = None
    dataset_sha256: str | None = None
    training: TrainingSettings | None = None
    started_from: Ancestor | None = Field(None, description="The model whose weights the training started from.")
    seed: int | None = None
    best_epoch: int | None = None
    test: TestScores | None = Field(None, description="None if the run was not evaluated before the export.")
    calibration: CalibrationNote | None = Field(None, description="None: probabilities are as the network gives them.")
    members: int = Field(1, ge=1, le=100, description="Networks whose probabilities are averaged.")
    folds: int | None = Field(None, description="Folds of the cross-validation whose networks are averaged.")
    coverage: tuple[float, float, float] | None = Field(
        None, description="Minimum, mean and maximum particle fraction of the training micrographs."
    )
    micrographs: tuple[MicrographSet, ...] = Field((), description="Micrographs the dataset was cut from, by folder.")
    seeds: tuple[SeedScores, ...] = Field((), description="The runs from which the network was selected.")
    held_out: tuple[HeldOutScores, ...] = Field((), description="Scores on micrographs outside the dataset.")
    purpose: str | None = Field(None, description="Purpose of the model, in one sentence.")
    limits: tuple[str, ...] = Field((), description="What it was not trained for, or is known to get wrong.")
    made_by: str | None = Field(None, description="Command that produced the model.")
    imported_from: ImportedFile | None = None
    files: list[ModelFile] = Field([], description="The formats in the folder.")
    authors: tuple[str, ...] = Field((), description="Authors of the model.")
    license: str | None = Field(None, description="SPDX identifier of the license of the model.")
    made_with: dict[str, str | None] = Field(description="Versions of the packages.")

    @property
    def preprocessing_inside(self) -> PreprocessingSettings:
        """The preprocessing without the steps to be done beforehand."""
        return self.preprocessing.model_copy(update=dict.fromkeys(self.done_before))

    @property
    def temperature(self) -> float:
        """The temperature by which every format but `keras` divides the logits."""
        return UNCALIBRATED if self.calibration is None else self.calibration.temperature

    def to_json(self) -> dict[str, Any]:
        """Return all fields as JSON types."""
        return self.model_dump(mode="json")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the card of a model folder.

        Raises:
            ModelError: The folder contains no tem-rf model, or its card has another schema version or is invalid.
        """
        path = folder / CARD_NAME
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ModelError(
                f"{folder}: contains no {CARD_NAME}; expected a folder written by `tem-rf export`, or a run."
            ) from error
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: cannot be read ({error}); export the run again.") from error
        version = content.get("schema_version") if isinstance(content, dict) else None
        if version != SCHEMA_VERSION:
            raise ModelError(
                f"{path}: schema version {version!r}, this tem-rf reads {SCHEMA_VERSION}; export the run again."
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise ModelError(f"{path}: {settings_error(error)} Export the run again.") from error
