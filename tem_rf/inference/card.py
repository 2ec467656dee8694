"""What is known about an exported model: the content of `model.json`."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from tem_rf.architecture import Architecture
from tem_rf.config.preparation import PixelSizeNm, PreprocessingSettings
from tem_rf.config.training import TrainingSettings, settings_error
from tem_rf.errors import ModelError
from tem_rf.files import parse_json
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
    pixel_size_nm: float | None = Field(None, description="Side of a pixel that was simulated [nm].")
    diameter_nm: float | None = Field(None, description="Mean diameter of the simulated particles [nm].")
    dose_e_per_angstrom2: float | None = Field(None, description="Simulated electrons per Å².")
    defocus_nm: tuple[float, float] | None = Field(None, description="Simulated distance from focus, range [nm].")
    carbon_nm: tuple[float, float] | None = Field(None, description="Simulated thickness of the film, range [nm].")


class SeedScores(BaseModel):
    """One of the runs that differ in nothing but their seed; the best in validation is the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    validation_hard_dice: float
    test_hard_dice: float | None = Field(description="Mean over the test images; None: not evaluated.")


class HeldOutScores(BaseModel):
    """Hard dice on labelled micrographs that are no part of the dataset, whole and treated as a user's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    micrographs: int
    hard_dice: float = Field(description="Mean over the micrographs.")
    hard_dice_sd: float | None = Field(description="Standard deviation over the micrographs; None for one.")
    min_hard_dice: float = Field(
        validation_alias=AliasChoices("min_hard_dice", "least_hard_dice"),  # the name in earlier cards
        description="Of the micrograph that is segmented worst.",
    )


SCHEMA_VERSION = 1


class FieldOfView(BaseModel):
    """The receptive field of the model; see docs/architecture.md for the three quantities."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    equation_size_px: int
    size_px: tuple[int, float, int] | None = Field(description="Least, mean and greatest width; None: the whole image.")
    reach_px: int | None
    equation_size_nm: float | None

    @classmethod
    def of(cls, architecture: Architecture, pixel_size_nm: float | None) -> Self:
        """The receptive field of an architecture."""
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
    """Dice on the test split; `images` says how many."""

    __test__ = False  # the name is no pytest class

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int
    hard_dice: float
    soft_dice: float


class ModelFile(BaseModel):
    """One format of the network in the folder, and how it is called."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str
    file: str
    takes: str
    gives: str


class ModelCard(BaseModel):
    """Everything a user of the model must know, without the run or the dataset at hand.

    The fields from `dataset` to `test` are those of a run; an imported network has `imported_from` instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    schema_version: int = SCHEMA_VERSION
    name: str
    architecture: ArchitectureField
    parameters: int
    receptive_field: FieldOfView
    stride_px: int = Field(description="Tiles start on multiples of it.")
    pixel_size_nm: PixelSizeNm | None = Field(description="Side of a pixel the model was trained at [nm].")
    preprocessing: PreprocessingSettings = Field(description="What is done to raw counts.")
    done_before: list[str] = Field(description="Steps of the preprocessing that every format expects to be done.")
    dataset: str | None = None
    dataset_sha256: str | None = None
    training: TrainingSettings | None = None
    started_from: Ancestor | None = Field(None, description="The model whose weights the training started from.")
    seed: int | None = None
    best_epoch: int | None = None
    test: TestScores | None = Field(None, description="None: the run was not evaluated before the export.")
    micrographs: tuple[MicrographSet, ...] = Field((), description="What the dataset was cut from, folder by folder.")
    seeds: tuple[SeedScores, ...] = Field((), description="The runs among which the network was chosen.")
    held_out: tuple[HeldOutScores, ...] = Field(
        (), description="Scores on micrographs that are no part of the dataset."
    )
    purpose: str | None = Field(None, description="What the model is for, in a sentence.")
    limits: tuple[str, ...] = Field((), description="What it was not trained for, or is known to get wrong.")
    made_by: str | None = Field(None, description="The command that made it.")
    imported_from: ImportedFile | None = None
    files: list[ModelFile] = Field([], description="The formats in the folder.")
    authors: tuple[str, ...] = Field((), description="Who made the model.")
    license: str | None = Field(None, description="SPDX name of the license under which it is given away.")
    made_with: dict[str, str | None] = Field(description="Versions of the packages.")

    @property
    def preprocessing_inside(self) -> PreprocessingSettings:
        """The preprocessing without the steps that are to be done before."""
        return self.preprocessing.model_copy(update=dict.fromkeys(self.done_before))

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON types."""
        return self.model_dump(mode="json")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the card of a model folder.

        Raises:
            ModelError: The folder holds no model of ours, one of another schema version, or one that cannot be.
        """
        path = folder / CARD_NAME
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ModelError(
                f"{folder}: holds no {CARD_NAME}; expected a folder that `tem-rf export` wrote, or a run."
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
