"""`tem-rf segment`: segment whole micrographs, stacks and movies, and measure their particles."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_json_line, print_remark, progress_console, show_status
from tem_rf.cli.segment_text import print_segmented, segmented_json
from tem_rf.errors import ReadError
from tem_rf.jobs.segment import SegmentRequest
from tem_rf.jobs.segment import segment as run


@takes(SegmentRequest)
def segment(request: SegmentRequest, as_json: JsonFlag = False) -> None:
    """Segment micrographs of any size: TIFF mask with pixel size, overlay, particle table and size histogram.

    Stacks are read frame by frame. If a job is killed, run the same command again: it resumes at the next frame and
    skips files that are up to date. --track also follows particles through a movie.

    Example: tem-rf segment micrographs/new --model saved_models/au-5nm --output segmented --split-touching

    Example: tem-rf segment movie.tif --track --max-step-nm 2

    Files can be distributed over the same workers as in `tem-rf study run`: processes on this machine, a running Dask
    scheduler, or SLURM jobs.

    Example: tem-rf segment movies --workers 4

    --follow segments the files of a folder while the microscope writes them, until Ctrl-C. With --json it prints one
    line per result as soon as it is written.

    Example: tem-rf segment /mnt/microscope/session --follow --output live
    """
    console = progress_console()
    how_to_end = " (Ctrl-C ends)" if request.follow and sys.stdin.isatty() else ""
    with _ended_like_by_ctrl_c(request.follow), show_status(console=console) as on_step:
        outcome = run(
            request,
            on_step=lambda what: on_step(what + how_to_end),
            on_note=lambda note: print_remark(note, console),
            on_result=lambda result: print_json_line(segmented_json(*result)) if as_json else None,
        )
    if as_json and not request.follow:
        print_json([segmented_json(*result) for result in outcome.segmented])
    elif not as_json:
        names = ", ".join(outcome.models) or "the models of matching pixel size"
        print_segmented(f"Segmented with {names} into {request.output}", outcome.segmented)
    if request.follow:
        count = len(outcome.segmented)
        counts = f"{count} file{'s' * (count != 1)} segmented, {len(outcome.failed)} failed"
        print_remark(f"{counts}; run the same command again to resume", console)
        return
    if outcome.failed:
        count = len(outcome.failed) + len(outcome.segmented)
        names = ", ".join(str(path) for path, _ in outcome.failed)
        raise ReadError(
            f"{len(outcome.failed)} of {count} files could not be segmented: {names}; run the "
            "same command again to retry them."
        )
    if request.strict:
        outcome.require_trusted()


@contextmanager
def _ended_like_by_ctrl_c(follow: bool) -> Iterator[None]:
    """Let SIGTERM, by which the app or a service ends a followed folder, do what Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if follow else None
    try:
        yield
    finally:
        if follow:
            signal.signal(signal.SIGTERM, before)
