"""Evaluate runs on unseen images."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tem_rf.config.marks import ADVANCED, Positional
from tem_rf.jobs.request import Request
from tem_rf.runs.root import DEFAULT_ROOT, find_runs_of_one_dataset

if TYPE_CHECKING:
    from tem_rf.data.prepared import PreparedDataset
    from tem_rf.evaluation.trials import Row


class EvaluateRequest(Request):
    """Runs on one dataset to evaluate, together with methods that use no network."""

    command = ("evaluate",)

    run: Annotated[tuple[str, ...], Positional()] = Field(
        min_length=1, description="Names or folders of runs on the same dataset."
    )
    runs: Path = Field(DEFAULT_ROOT, description="Folder of the runs.")
    split: Literal["train", "validation", "test"] = Field("test", description="Images to evaluate on.")
    baseline: bool = Field(True, description="Also evaluate methods without a network: Fourier filtering, threshold.")
    lattice_spacing_nm: Annotated[float | None, ADVANCED] = Field(
        None, gt=0, description="Lattice spacing for Fourier filtering [nm]; default: found in the images."
    )
    transforms: Annotated[int, ADVANCED] = Field(
        1,
        ge=1,
        le=8,
        description="Number of rotations and reflections in which each image is evaluated; 8 for all, as in the study.",
    )
    pictures: Path | None = Field(
        None, description="Folder for overlays that show outlines, false negatives and false positives."
    )


def evaluate(
    request: EvaluateRequest, *, on_step: Callable[[str], None] = lambda what: None
) -> "tuple[PreparedDataset, list[Row]]":
    """Evaluate runs.

    Args:
        request: Runs and images to evaluate on.
        on_step: Called with the current step.

    Returns:
        The dataset, and one row per method; runs that differ only in their seed share a row.

    Raises:
        RunError: There is no such run, or the runs use different datasets.
        DatasetError: The dataset is missing or has changed, or has no such images.
        ModelError: A run has not finished an epoch.
    """
    folders = find_runs_of_one_dataset(list(request.run), request.runs)
    if request.pictures:
        from tem_rf.files import make_writable

        make_writable(request.pictures)
    from tem_rf.models.backend import import_keras

    import_keras()
    from tem_rf.evaluation.scoring import score_runs
    from tem_rf.runs.dataset import open_training_data

    dataset = open_training_data(folders[0].config)
    return dataset, score_runs(
        folders,
        dataset,
        split=request.split,
        transforms=request.transforms,
        pictures=request.pictures,
        baseline=request.baseline,
        lattice_spacing_nm=request.lattice_spacing_nm,
        on_step=on_step,
    )
