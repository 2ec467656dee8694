"""The configuration of a run: everything needed to repeat it."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from tem_rf.architecture import Architecture
from tem_rf.config.augmentation import NO_AUGMENTATION, AugmentationSettings
from tem_rf.config.preparation import PixelSizeNm, PreprocessingSettings
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
    restarts: tuple[int, ...] = Field(
        (), description="Former last epochs, from before more were requested; a cosine schedule restarts after each."
    )
    seed: Seed = Field(description="Seed of the initial weights and of the order of the patches.")

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON types."""
        return self.model_dump(mode="json")

    @property
    def trial(self) -> str:
        """Everything except the seed and the path of the dataset: runs with the same value belong to one trial."""
        return self.model_dump_json(exclude={"seed", "dataset"})

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
    return {
        key: (value, _flatten(other.to_json()).get(key))
        for key, value in _flatten(one.to_json()).items()
        if value != _flatten(other.to_json()).get(key)
    }


def _flatten(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat.update(_flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
    return flat
