"""Segment micrographs, stacks and movies."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tem_rf.config.marks import ADVANCED, Flags, Group, Positional, SeveralWords
from tem_rf.config.segmentation import SegmentSettings, TrackSettings, segment_settings, track_settings
from tem_rf.errors import SettingsError, TemRfError
from tem_rf.jobs.request import Request
from tem_rf.jobs.workers import WORKERS, execution_settings
from tem_rf.particles.formats.choice import FORMATS, particle_formats
from tem_rf.runs.root import DEFAULT_ROOT
from tem_rf.saved_models import MODELS, models_or_shipped
from tem_rf.study.definition.sections import Execution

if TYPE_CHECKING:
    from tem_rf.inference.job import LabelledFile, Segmented, SegmentJob
    from tem_rf.inference.model_choice import NetworkChoice


class SegmentRequest(Request):
    """Micrographs to segment, the models to use, and the results to write."""

    command = ("segment",)

    images: Annotated[tuple[Path, ...], Positional()] = Field(
        min_length=1, description="Micrographs, stacks, movies, or folders of them."
    )
    model: tuple[str, ...] = Field(
        (),
        description="Exported model, or name or folder of a run; several are averaged; default: selected by pixel "
        "size.",
    )
    models: Annotated[Path, ADVANCED] = Field(
        MODELS, description="Folder of the models to select from; if it does not exist, the bundled models are used."
    )
    output: Annotated[Path, Flags("output", "o")] = Field(Path("segmented"), description="Folder for the results.")
    rescale: bool = Field(False, description="Rescale micrographs to the pixel size the model was trained at.")
    segmentation: Annotated[
        SegmentSettings,
        Group(segment_settings, basic=("pixel_size_nm", "split_touching", "min_diameter_nm")),
    ]
    track: bool = Field(False, description="Track the particles of a movie from frame to frame.")
    tracking: Annotated[TrackSettings, Group(track_settings)]
    lattice: str | None = Field(
        None,
        description="Measure the lattice of every particle by its fringes: Au, Ag, Pt, Pd, CdSe and others by name, or "
        "the path of a .cif file.",
    )
    labels: Path | None = Field(None, description="Folder of labels, or a COCO file, to score masks and particles.")
    write: SeveralWords = Field(
        (),
        description=f"Also write the particles for other programs: {', '.join(FORMATS)}.",
    )
    overwrite: bool = Field(False, description="Segment files again even if their results are up to date.")
    execution: Annotated[Execution, Group(execution_settings, only=WORKERS)]
    runs: Annotated[Path, ADVANCED] = Field(DEFAULT_ROOT, description="Folder of the runs.")


@dataclass(frozen=True)
class SegmentOutcome:
    """Result of a segmentation.

    Attributes:
        segmented: The files that were segmented, with their tracks, in order.
        failed: The files that failed, with the error.
        models: Names of the models that were given; empty if the model was selected for each file.
    """

    segmented: "list[Segmented]"
    failed: list[tuple[Path, TemRfError]]
    models: list[str]


def segment(
    request: SegmentRequest,
    *,
    on_step: Callable[[str], None] = lambda what: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> SegmentOutcome:
    """Segment files; if one fails, the others are still segmented.

    Args:
        request: What to segment.
        on_step: Called with the current step.
        on_note: Called with notes for the user, including why a file failed.

    Raises:
        ReadError: A folder contains no micrographs, no labels match, or the only file cannot be read.
        SettingsError: Two files have the same name, or settings contradict each other.
        ModelError: There is no such model, or no model has a matching pixel size.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.inference.job import SegmentJob, files_to_segment, segment_files
    from tem_rf.inference.model_choice import NetworkChoice, Networks, model_folder

    tracking = request.tracking if request.track else None
    if tracking is None and request.tracking != track_settings():
        given = [name for name in TrackSettings.model_fields if name in request.changes()]
        raise SettingsError(f"`{given[0]}`: is only used for tracking; add `track`.")
    if tracking is not None:
        tracking.check()
    job = SegmentJob(
        request.output,
        request.segmentation,
        tracking,
        request.overwrite,
        _lattice(request.lattice),
        tuple(particle_formats(request.write)),
    )
    named = tuple(model_folder(one, request.runs, request.models) for one in request.model)
    choice = NetworkChoice(named, models_or_shipped(request.models), request.rescale)
    files = files_to_segment(list(request.images), job, request.labels)
    failed: list[tuple[Path, TemRfError]] = []

    def on_failure(path: Path, error: TemRfError) -> None:
        if len(files) == 1:
            raise error
        on_note(str(error))
        failed.append((path, error))

    if request.execution != Execution():
        segmented = _on_workers(request, files, choice, job, on_step, on_note, on_failure)
    else:
        from tem_rf.models.backend import import_keras

        import_keras()
        segmented = segment_files(files, Networks(choice), job, on_step=on_step, on_note=on_note, on_failure=on_failure)
    return SegmentOutcome(segmented, failed, [folder.name for folder in named])


def _lattice(given: str | None) -> str | None:
    """Workers may run in another folder, so the path of a CIF file is made absolute."""
    return str(Path(given).resolve()) if given is not None and given.lower().endswith(".cif") else given


def _on_workers(
    request: SegmentRequest,
    files: "list[LabelledFile]",
    choice: "NetworkChoice",
    job: "SegmentJob",
    on_step: Callable[[str], None],
    on_note: Callable[[str], None],
    on_failure: Callable[[Path, TemRfError], None],
) -> "list[Segmented]":
    from tem_rf.study.execution.clusters import choose_cluster
    from tem_rf.study.execution.segmentation import segment_files_on_workers

    job.output.mkdir(parents=True, exist_ok=True)
    cluster = choose_cluster(request.execution, job.output)
    return segment_files_on_workers(
        files, choice, job, cluster, on_step=on_step, on_note=on_note, on_failure=on_failure
    )
