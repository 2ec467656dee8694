"""Prepare a dataset from labelled micrographs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from tem_rf.config.marks import Choices, Existing, Flags, Group, Positional
from tem_rf.config.preparation import PreparationSettings, preparation_settings
from tem_rf.data.published.public import PUBLISHED_SETS
from tem_rf.jobs.request import Request

if TYPE_CHECKING:
    from tem_rf.data.prepared import PreparedDataset


def _settings(preset: str | None = None, **changes: Any) -> PreparationSettings:
    from tem_rf.data.preparation.presets import preset_changes

    return preparation_settings(**(preset_changes(preset) if preset else {}), **changes)


class PrepareRequest(Request):
    """Labelled micrographs to cut into a dataset of patches, split into training, validation and test sets."""

    command = ("prepare",)

    micrographs: Annotated[tuple[Path, ...], Positional(), Existing()] = Field(
        min_length=1, description="Folder of micrographs, or with images/ and labels/ (or masks/); or several folders."
    )
    output: Annotated[Path, Flags("output", "o")] = Field(description="Dataset folder to write.")
    labels: Annotated[Path | None, Existing()] = Field(
        None, description="Folder of labels, paired by file name; default: labels/ or masks/ beside the micrographs."
    )
    preset: Annotated[str | None, Choices(tuple(PUBLISHED_SETS))] = Field(
        None, description="Published dataset to prepare with the settings of its study."
    )
    preparation: Annotated[
        PreparationSettings,
        Group(
            _settings,
            presets=("preset",),
            basic=(
                "patch_size",
                "pixel_size_nm",
                "background_threshold",
                "xray_threshold",
                "split",
                "normalization",
            ),
        ),
    ]
    overwrite: bool = Field(False, description="Overwrite an existing dataset.")


def prepare(
    request: PrepareRequest, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> "PreparedDataset":
    """Prepare a dataset.

    Args:
        request: What to prepare.
        progress: Called with the numbers of files done and in total.

    Returns:
        The dataset: images (n, patch_size, patch_size) float32 and labels (n, patch_size, patch_size) uint8 from disk.

    Raises:
        SettingsError: A setting does not fit the micrographs.
        ReadError: A file cannot be read.
        DatasetError: Micrographs and labels do not pair or match, or the output folder contains another dataset.
        StorageError: The output cannot be written.
    """
    from tem_rf.data.preparation.prepare import prepare_dataset

    return prepare_dataset(
        list(request.micrographs),
        request.output,
        labels=request.labels,
        settings=request.preparation,
        overwrite=request.overwrite,
        progress=progress,
    )
