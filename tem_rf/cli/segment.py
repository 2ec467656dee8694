"""`tem-rf segment`: masks and particles of whole micrographs, stacks and movies."""

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_remark, progress_console, show_status
from tem_rf.cli.segment_text import print_segmented, segmented_json
from tem_rf.errors import ReadError
from tem_rf.jobs.segment import SegmentRequest
from tem_rf.jobs.segment import segment as run


@takes(SegmentRequest)
def segment(request: SegmentRequest, as_json: JsonFlag = False) -> None:
    """Segment micrographs of any size: mask as TIFF with pixel size, overlay, table and histogram of the particles.

    A stack is read frame by frame; a job that was killed resumes at its next frame when it is started again, and
    files that are up to date are not segmented twice. With --track a movie also gets the paths of its particles.

    Example: tem-rf segment micrographs/new --model saved_models/au-5nm --output segmented --split-touching

    A folder of movies can be spread over the workers that `tem-rf study run` trains on: of this machine, of a running
    Dask scheduler, or SLURM jobs.

    Example: tem-rf segment movie.tif --track --max-step-nm 2

    Example: tem-rf segment movies --workers 4
    """
    console = progress_console()
    with show_status(console=console) as on_step:
        outcome = run(request, on_step=on_step, on_note=lambda note: print_remark(note, console))
    if as_json:
        print_json([segmented_json(*result) for result in outcome.segmented])
    else:
        names = ", ".join(outcome.models) or "the models that fit"
        print_segmented(f"Segmented by {names} into {request.output}", outcome.segmented)
    if outcome.failed:
        count = len(outcome.failed) + len(outcome.segmented)
        names = ", ".join(str(path) for path, _ in outcome.failed)
        raise ReadError(
            f"{len(outcome.failed)} of {count} files could not be segmented: {names} (see the errors above); the same "
            "command retries them."
        )
