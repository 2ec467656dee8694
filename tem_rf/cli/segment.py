"""`tem-rf segment`: masks and particles of whole micrographs, stacks and movies."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tem_rf.cli.backend import import_keras
from tem_rf.cli.execution_options import SchedulerFileOption, SchedulerOption, SlurmOption, execution_options
from tem_rf.cli.output import JsonFlag, print_json, print_remark, progress_console, show_status
from tem_rf.cli.reading_options import (
    ArrayOption,
    BackgroundOption,
    ChannelOption,
    EmptyOption,
    LabelArrayOption,
    NotSureOption,
    PairOption,
    ParticleOption,
    reading_changes,
)
from tem_rf.cli.segment_text import print_segmented, segmented_json
from tem_rf.errors import ReadError, SettingsError, TemRfError
from tem_rf.runs.root import DEFAULT_ROOT
from tem_rf.saved_models import MODELS, models_or_shipped

if TYPE_CHECKING:
    from tem_rf.inference.networks import NetworkChoice
    from tem_rf.inference.segment_files import LabelledFile, Segmented, SegmentJob


def segment(
    images: Annotated[list[Path], typer.Argument(help="Micrographs, stacks, movies, or folders of them.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Exported model, or name or folder of a run; several are averaged; default: chosen by pixel size."
        ),
    ] = None,
    models: Annotated[
        Path, typer.Option(help="Folder of the models to choose from; where it is absent, those that ship.")
    ] = MODELS,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("segmented"),
    pixel_size_nm: Annotated[
        float | None, typer.Option(help="Side of a pixel, in place of what the files say.")
    ] = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Resample micrographs whose pixels are not square.")
    ] = False,
    rescale: Annotated[
        bool, typer.Option("--rescale", help="Bring micrographs to the pixel size the model was trained at.")
    ] = False,
    test_time: Annotated[
        int, typer.Option(min=1, max=8, help="Turned and mirrored views to average over, 8 for all.")
    ] = 1,
    split_touching: Annotated[
        bool, typer.Option("--split-touching", help="Take touching particles apart at their necks.")
    ] = False,
    min_diameter_nm: Annotated[
        float | None,
        typer.Option(
            min=0, help="Leave out what is smaller than a disc of this diameter; default: 0.5 nm, at least 8 px."
        ),
    ] = None,
    min_diameter_px: Annotated[float | None, typer.Option(min=0, help="The same in px.")] = None,
    track: Annotated[
        bool, typer.Option("--track", help="Follow the particles of a movie from frame to frame.")
    ] = False,
    max_step_nm: Annotated[
        float | None, typer.Option(min=0, help="With --track: farthest a particle moves between frames.")
    ] = None,
    max_step_px: Annotated[float | None, typer.Option(min=0, help="The same in px.")] = None,
    memory: Annotated[int, typer.Option(min=0, help="With --track: frames a particle may be out of sight.")] = 0,
    frame_interval_s: Annotated[
        float | None, typer.Option(min=0, help="With --track: time between frames; default: as the file says.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Folder of labels, or a COCO file: score masks and particles.")
    ] = None,
    array: ArrayOption = None,
    channel: ChannelOption = None,
    label_array: LabelArrayOption = None,
    particle: ParticleOption = None,
    background: BackgroundOption = None,
    not_sure: NotSureOption = None,
    pair: PairOption = None,
    empty_is_background: EmptyOption = False,
    probability: Annotated[
        bool, typer.Option("--probability", help="Also write the probability, and how far averaged ones disagree.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Segment again what stands in the output from the same model and settings."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Files at once, each by a process of its own; default: one, in this one.")
    ] = None,
    scheduler: SchedulerOption = None,
    scheduler_file: SchedulerFileOption = None,
    slurm: SlurmOption = None,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    as_json: JsonFlag = False,
) -> None:
    """Segment micrographs of any size: mask as TIFF with pixel size, overlay, table and histogram of the particles.

    A stack is read frame by frame; a job that was killed goes on at its next frame when it is started again, and
    files that are finished are not segmented twice. With --track a movie gets the paths of its particles, too.

    Example: tem-rf segment micrographs/new --model saved_models/au-5nm --output segmented --split-touching

    A folder of movies can be spread over the workers that `tem-rf study run` trains on: of this machine, of a running
    Dask scheduler, or SLURM jobs.

    Example: tem-rf segment movie.tif --track --max-step-nm 2

    Example: tem-rf segment movies --workers 4
    """
    console = progress_console()
    execution = execution_options(workers, scheduler, scheduler_file, slurm)
    from tem_rf.inference.networks import NetworkChoice, Networks, model_folder
    from tem_rf.inference.segment_file import segment_settings
    from tem_rf.inference.segment_files import SegmentJob, files_to_segment, segment_files
    from tem_rf.inference.track_file import TrackSettings

    tracking = TrackSettings(max_step_px, max_step_nm, memory, frame_interval_s) if track else None
    if not tracking and (memory or not all(value is None for value in (max_step_px, max_step_nm, frame_interval_s))):
        raise SettingsError("--max-step-nm, --max-step-px, --memory, --frame-interval-s: say how to --track; add it.")
    settings = segment_settings(
        transforms=test_time,
        split_touching=split_touching,
        probability=probability,
        pixel_size_nm=pixel_size_nm,
        resample=resample,
        min_diameter_px=min_diameter_px,
        min_diameter_nm=min_diameter_nm,
        **reading_changes(
            array=array,
            channel=channel,
            label_array=label_array,
            particle=particle,
            background=background,
            not_sure=not_sure,
            pair=pair,
            empty_is_background=empty_is_background,
        ),
    )
    job = SegmentJob(output, settings, tracking, overwrite)
    named = tuple(model_folder(one, runs, models) for one in model or [])
    choice = NetworkChoice(named, models_or_shipped(models), rescale)
    files = files_to_segment(images, job, labels)

    def on_note(note: str) -> None:
        print_remark(note, console)

    failed: list[Path] = []

    def on_failure(path: Path, error: TemRfError) -> None:
        if len(files) == 1:
            raise error
        on_note(str(error))
        failed.append(path)

    with show_status(console=console) as on_step:
        if execution:
            results = _segment_on_workers(files, choice, job, execution, on_step, on_note, on_failure)
        else:
            import_keras()
            networks = Networks(choice)
            results = segment_files(files, networks, job, on_step=on_step, on_note=on_note, on_failure=on_failure)
    if as_json:
        print_json([segmented_json(*result) for result in results])
    else:
        names = ", ".join(folder.name for folder in choice.named) or "the models that fit"
        print_segmented(f"Segmented by {names} into {output}", results)
    if failed:
        raise ReadError(
            f"{len(failed)} of {len(files)} files could not be segmented: {', '.join(map(str, failed))} (why stands "
            "above); the same command tries them again."
        )


def _segment_on_workers(
    files: "list[LabelledFile]",
    choice: "NetworkChoice",
    job: "SegmentJob",
    execution: dict[str, Any],
    on_step: Callable[[str], None],
    on_note: Callable[[str], None],
    on_failure: "Callable[[Path, TemRfError], None]",
) -> "list[Segmented]":
    from pydantic import ValidationError

    from tem_rf.config.training import settings_error
    from tem_rf.study.execution.clusters import choose_cluster
    from tem_rf.study.execution.segmentation import segment_files_on_workers
    from tem_rf.study.sections import Execution

    job.output.mkdir(parents=True, exist_ok=True)
    try:
        where = Execution(**execution)
    except ValidationError as error:
        raise settings_error(error) from error
    cluster = choose_cluster(where, job.output)
    return segment_files_on_workers(
        files, choice, job, cluster, on_step=on_step, on_note=on_note, on_failure=on_failure
    )
