"""The configuration of a run: everything needed to repeat it."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from tem_rf.architecture import Architecture
from tem_rf.config.augmentation import NO_AUGMENTATION, AugmentationSettings
from tem_rf.config.preparation import Normalization, PixelSizeNm, PreprocessingSettings
from tem_rf.config.training import Seed, TrainingSettings, settings_error
from tem_rf.errors import ArchitectureError

SCHEMA_VERSION = 1


def _read_architecture(value: Any) -> Any:
    try:
        return Architecture.from_json(value) if isinstance(value, dict) else value
    except ArchitectureError as error:
        raise ValueError(str(error)) from error


ArchitectureField = Annotated[
    Architecture,
    BeforeValidator(_read_architecture),
    PlainSerializer(Architecture.to_json),
]


class Ancestor(BaseModel):
    """The trained network whose weights a run starts from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Name of the model, run or file.")
    path: Path | None = Field(None, description="Where it was; a card, which is given away, has none.")
    sha256: str = Field(description="Of the file of its weights.")
    pixel_size_nm: PixelSizeNm | None = Field(description="Side of a pixel it was trained at [nm]; None: not recorded.")
    normalization: Normalization | None = Field(description="What it expects; None: not recorded.")
    lacks: tuple[str, ...] = Field(
        (), description="Layers that it does not have and the run starts with initial weights."
    )


class Fold(BaseModel):
    """The part of a dataset that one run of a cross-validation holds out for testing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1, description="Number of the fold, from 1.")
    folds: int = Field(ge=2, description="Number of folds.")


class RunConfig(BaseModel):
    """The content of `config.json`: network, dataset and training settings of a run.

    Two runs with equal configurations end with equal weights on one CPU.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    schema_version: int = SCHEMA_VERSION
    dataset: Path = Field(description="Dataset folder.")
    dataset_sha256: str = Field(description="Fingerprint of dataset.json: the run rejects other data at this path.")
    pixel_size_nm: PixelSizeNm | None = Field(description="Pixel size of the dataset [nm].")
    preprocessing: PreprocessingSettings = Field(description="Preprocessing of the dataset, repeated for new images.")
    architecture: ArchitectureField
    training: TrainingSettings
    augmentation: AugmentationSettings = Field(
        NO_AUGMENTATION, description="Random changes of training patches beyond the eight transforms."
    )
    start: Ancestor | None = Field(
        None, description="The model that it starts from; None: initial weights by the seed."
    )
    fold: Fold | None = Field(
        None, description="Part of the micrographs that is held out for testing; None: the splits of the dataset."
    )
    restarts: tuple[int, ...] = Field(
        (), description="Former last epochs, from before more were requested; a cosine schedule restarts after each."
    )
    seed: Seed = Field(description="Seed of the initial weights and of the order of the patches.")

    @model_validator(mode="after")
    def _freezes_trained_layers(self) -> Self:
        if self.training.freeze is not None and self.start is None:
            raise ValueError("`freeze`: is used with `start_from` only; initial weights would stay as they are")
        return self

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON types."""
        return self.model_dump(mode="json")

    @property
    def trial(self) -> str:
        """Everything except seed, fold and paths: runs with the same value belong to one trial."""
        return self.model_dump_json(exclude={"seed": True, "dataset": True, "start": {"path"}, "fold": {"number"}})

    @property
    def member(self) -> tuple[int, int]:
        """Seed and fold, which tell apart the runs of a trial; fold 0 if there are none."""
        return self.seed, self.fold.number if self.fold else 0

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read the output of `to_json`.

        Raises:
            SettingsError: A field is missing, unknown or out of range.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise settings_error(error) from error


def differences(one: RunConfig, other: RunConfig) -> dict[str, tuple[Any, Any]]:
    """Fields that differ between two configurations, as `field: (one, other)`; settings are named `training.epochs`."""
    before, now = (_flatten(config.to_json()) for config in (one, other))
    keys = dict.fromkeys((*before, *now))
    return {key: (before.get(key), now.get(key)) for key in keys if before.get(key) != now.get(key)}


def _flatten(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat.update(_flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
    return flat
