"""Segment micrographs, stacks and movies."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tem_rf.config.marks import ADVANCED, Existing, Flags, Group, Positional, SeveralWords
from tem_rf.config.segmentation import Pictures, SegmentSettings, TrackSettings, segment_settings, track_settings
from tem_rf.errors import ReadError, SettingsError, TemRfError, UntrustedMaskError
from tem_rf.jobs.request import Request
from tem_rf.jobs.workers import WORKERS, execution_settings
from tem_rf.particles.formats.choice import FORMATS, particle_formats
from tem_rf.runs.root import DEFAULT_ROOT
from tem_rf.saved_models import MODELS, models_or_shipped
from tem_rf.study.definition.sections import Execution

if TYPE_CHECKING:
    from tem_rf.inference.job import LabelledFile, Segmented, SegmentJob
    from tem_rf.inference.model_choice import NetworkChoice


# TensorFlow takes 3 s longer to start than ONNX Runtime, and as much less for about 300 MB of 16-bit images.
_MAX_LIGHT_BYTES = 2**26


class SegmentRequest(Request):
    """Micrographs to segment, the models to use, and the results to write."""

    command = ("segment",)

    images: Annotated[tuple[Path, ...], Positional(), Existing()] = Field(
        min_length=1, description="Micrographs, stacks, movies, or folders of them."
    )
    model: tuple[str, ...] = Field(
        (),
        description="Exported model, or name or folder of a run; several are averaged; default: selected by pixel "
        "size.",
    )
    models: Annotated[Path, ADVANCED] = Field(
        MODELS, description="Folder of the models to select from; if it does not exist, the included models are used."
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
    labels: Annotated[Path | None, Existing()] = Field(
        None, description="Folder of labels, or a COCO file, to score masks and particles."
    )
    write: SeveralWords = Field(
        (),
        description=f"Also write the particles for other programs: {', '.join(FORMATS)}.",
    )
    strict: bool = Field(
        False,
        description="Exit with an error if a mask cannot be trusted; results are still written. Needs a model that was "
        "tried with `tem-rf trust`, as the included ones were.",
    )
    pictures: Pictures = Field(
        "small",
        description="Overlay and size histogram of each file: overlays of at most 1024 px (small) or 4096 px (full), "
        "or no pictures (none).",
    )
    overwrite: bool = Field(False, description="Segment files again even if their results are up to date.")
    follow: bool = Field(
        False,
        description="Follow folders until stopped, in a terminal by Ctrl-C: segment new files and growing stacks when "
        "they are complete.",
    )
    settle_s: Annotated[float, ADVANCED] = Field(
        2.0,
        gt=0,
        le=3600,
        description="How long a file that is followed must be unchanged to be complete, if its header does not tell "
        "[s].",
    )
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

    def require_trusted(self) -> None:
        """Check that all masks can be trusted.

        Raises:
            UntrustedMaskError: One cannot, or the model has no record of when to trust it.
        """
        unknown = [result.image for result, _ in self.segmented if not result.verdicts]
        if unknown:
            raise UntrustedMaskError(
                f"{unknown[0]}: the model has no record of when to trust its masks; make one with `tem-rf trust`, or "
                "leave out `strict`."
            )
        flagged = [str(result.image) for result, _ in self.segmented if result.flagged]
        if flagged:
            raise UntrustedMaskError(
                f"the masks of {len(flagged)} of {len(self.segmented)} files cannot be trusted: {', '.join(flagged)} "
                "(see the reasons above)."
            )


def segment(
    request: SegmentRequest,
    *,
    on_step: Callable[[str], None] = lambda what: None,
    on_note: Callable[[str], None] = lambda note: None,
    on_result: "Callable[[Segmented], None]" = lambda result: None,
) -> SegmentOutcome:
    """Segment files; if one fails, the others are still segmented.

    Args:
        request: What to segment.
        on_step: Called with the current step.
        on_note: Called with notes for the user, including why a file failed.
        on_result: Called with each result of a followed folder, as soon as it is written.

    Raises:
        ReadError: A folder contains no micrographs, no labels match, or the only file cannot be read; a folder that is
            followed is gone.
        SettingsError: Two files have the same name, or settings contradict each other.
        ModelError: There is no such model, or no model has a matching pixel size.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.inference.job import SegmentJob, files_to_segment, segment_files
    from tem_rf.inference.model_choice import NetworkChoice, Networks, model_folder

    _check_follow(request)
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
        growing=request.follow,
        pictures=request.pictures,
    )
    named = tuple(model_folder(one, request.runs, request.models) for one in request.model)
    choice = NetworkChoice(named, models_or_shipped(request.models), request.rescale)
    if request.follow:
        return _follow(request, choice, job, on_step, on_note, on_result)
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
        size = sum(file.path.stat().st_size for file in files if file.path.is_file())
        light = size * request.segmentation.transforms * max(len(named), 1) <= _MAX_LIGHT_BYTES
        networks = Networks(choice, light=light)
        segmented = segment_files(files, networks, job, on_step=on_step, on_note=on_note, on_failure=on_failure)
    return SegmentOutcome(segmented, failed, [folder.name for folder in named])


def _check_follow(request: SegmentRequest) -> None:
    """Refuse settings that contradict `follow`, or need it."""
    if not request.follow:
        if "settle_s" in request.changes():
            raise SettingsError("`settle_s`: is only used to follow folders; add `follow`.")
        return
    reasons = {
        "track": "tracks need the whole movie; segment it with `track` when it is complete.",
        "labels": "files are scored when all are complete; run it again with `labels`, without `follow`.",
        "overwrite": "files would be segmented again at every start; choose another `output`.",
    }
    for name, reason in reasons.items():
        if getattr(request, name):
            raise SettingsError(f"`{name}`: cannot be combined with `follow`: {reason}")
    if request.execution != Execution():
        name = next((one for one in WORKERS if one in request.changes()), WORKERS[0])
        raise SettingsError(
            f"`{name}`: cannot be combined with `follow`: one process follows the folders; leave it out."
        )
    for folder in request.images:
        if not folder.exists():
            raise ReadError(f"{folder}: no such folder; create it first, or check the path.")
        if not folder.is_dir():
            raise SettingsError(f"{folder}: is a file; `follow` needs the folder in which files appear.")
        if request.output.resolve() in (folder.resolve(), (folder / "images").resolve()):
            raise SettingsError(
                f"`output`: {request.output} is followed, so results would be segmented; choose another."
            )


def _follow(
    request: SegmentRequest,
    choice: "NetworkChoice",
    job: "SegmentJob",
    on_step: Callable[[str], None],
    on_note: Callable[[str], None],
    on_result: "Callable[[Segmented], None]",
) -> SegmentOutcome:
    from tem_rf.inference.follow import follow_folders
    from tem_rf.inference.model_choice import Networks
    from tem_rf.lattice.structure import read_structure
    from tem_rf.models.backend import import_keras

    if job.lattice is not None:
        read_structure(job.lattice)  # validate before the first file
    import_keras()
    followed = follow_folders(
        request.images,
        Networks(choice),
        job,
        request.settle_s,
        on_step=on_step,
        on_note=on_note,
        on_result=on_result,
    )
    names = [folder.name for folder in choice.named]
    return SegmentOutcome(list(followed.segmented.values()), list(followed.failed.items()), names)


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
