"""Segment the files of folders as other programs complete them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tem_rf.data.arrivals import Arrivals
from tem_rf.errors import ReadError, SettingsError, TemRfError
from tem_rf.inference.alarms import SessionAlarms
from tem_rf.inference.file import forget_frames
from tem_rf.inference.job import LabelledFile, Segmented, SegmentJob, segment_files
from tem_rf.inference.model_choice import Networks
from tem_rf.inference.other_formats import check_formats
from tem_rf.inference.results import SegmentedFile

_PAUSE_S = 0.25
_POLLING = 0.2  # at most, of the time: folders of thousands of files on a network file system take long


@dataclass
class Followed:
    """Files of the folders, by path.

    Attributes:
        segmented: Files that were segmented, with their latest result.
        failed: Files that cannot be segmented as they are now, with the reason.
        current: File that is being segmented.
        blocked: Files that failed because a segmented file has the same name, by the file.
    """

    segmented: dict[Path, Segmented] = field(default_factory=dict)
    failed: dict[Path, TemRfError] = field(default_factory=dict)
    current: Path | None = None
    blocked: dict[Path, Path] = field(default_factory=dict)

    def describe(self, waiting: int) -> str:
        """Return the numbers of files, frames and particles, and the mean diameter, on one line."""
        results = [result for result, _ in self.segmented.values()]
        frames, particles = sum(one.frames for one in results), sum(one.sizes.count for one in results)
        parts = [_count(len(results), "file"), _count(frames, "frame"), _count(particles, "particle")]
        parts += _mean_diameter(results)
        parts += [f"{len(self.failed)} failed"] * bool(self.failed)
        return ", ".join([*parts, f"{waiting} waiting"])


def follow_folders(
    folders: Sequence[Path],
    networks: Networks,
    job: SegmentJob,
    settle_s: float,
    *,
    on_step: Callable[[str], None] = lambda what: None,
    on_note: Callable[[str], None] = lambda note: None,
    on_result: Callable[[Segmented], None] = lambda result: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Followed:
    """Segment files when they are complete, and again when they have changed, until Ctrl-C.

    After a kill, the function resumes where it was: results that are up to date are kept, and a stack is continued at
    its next frame. A file that cannot be segmented is tried again once it has changed.

    Args:
        folders: Folders to follow.
        networks: Networks that segment the files.
        job: Settings of the segmentation, with `growing`.
        settle_s: How long a file must be unchanged before it is complete [s].
        on_step: Called with the current step and the totals.
        on_note: Called with a line per segmented or failed file, with notes, and with alarms about drift and dose.
        on_result: Called with each result, as soon as it is written.
        clock: Time that never goes back [s].
        sleep: Waits for a time [s].

    Raises:
        ReadError: A folder is gone.
        ModelError: A model that the user has named cannot be read.
        StorageError: The disk is full or the folder of the results is not writable.
    """
    arrivals, followed = Arrivals(folders, settle_s), Followed()
    names, alarms = ", ".join(map(str, folders)), SessionAlarms(on_note)
    try:
        while True:
            began_s = clock()
            complete = arrivals.poll(began_s)
            _forgive(arrivals, followed)
            polled_s = clock() - began_s
            for path in complete:
                if arrivals.take(path):
                    _segment(path, arrivals, followed, networks, job, on_step, on_note, on_result, alarms)
            on_step(f"following {names}: {followed.describe(arrivals.waiting)}")
            if not complete:
                sleep(max(min(_PAUSE_S, settle_s / 2), polled_s * (1 / _POLLING - 1)))
    except KeyboardInterrupt:
        for path in followed.segmented.keys() - {followed.current}:
            forget_frames(path, job.output)
        return followed


def _forgive(arrivals: Arrivals, followed: Followed) -> None:
    """Forget failed files that were removed, and try those again whose name is no longer taken."""
    for path in [path for path in followed.failed if not arrivals.is_present(path)]:
        del followed.failed[path]
        followed.blocked.pop(path, None)
    for path in [path for path, other in followed.blocked.items() if not arrivals.is_present(other)]:
        del followed.blocked[path]
        arrivals.forget(path)


def _segment(
    path: Path,
    arrivals: Arrivals,
    followed: Followed,
    networks: Networks,
    job: SegmentJob,
    on_step: Callable[[str], None],
    on_note: Callable[[str], None],
    on_result: Callable[[Segmented], None],
    alarms: SessionAlarms,
) -> None:
    def on_failure(path: Path, error: TemRfError) -> None:
        if not arrivals.has_changed(path):  # else it was not complete, and is waited for again
            followed.failed[path] = error
            on_note(str(error))

    followed.failed.pop(path, None)
    followed.blocked.pop(path, None)
    other = next((one for one in followed.segmented if one.stem == path.stem and one != path and one.exists()), None)
    if other is not None:
        followed.blocked[path] = other
        reason = f"has the same name as {other.name}, whose results it would overwrite; rename one of them."
        return on_failure(path, SettingsError(f"{path}: {reason}"))
    try:
        check_formats(path, job.formats, job.settings)
    except (ReadError, SettingsError) as error:
        return on_failure(path, error)
    followed.current = path
    for result in segment_files(
        [LabelledFile(path)],
        networks,
        job,
        on_step=lambda what: on_step(f"{what} · {followed.describe(arrivals.waiting)}"),
        on_note=on_note,
        on_failure=on_failure,
        on_new_frame=alarms.look,
    ):
        followed.segmented[path] = result
        on_note(f"{path.name}: {_describe(result[0])}")
        on_result(result)
    followed.current = None


def _describe(result: SegmentedFile) -> str:
    counts = [_count(result.frames, "frame"), _count(result.sizes.count, "particle")]
    return ", ".join([*counts, *_mean_diameter([result])])


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"


def _mean_diameter(results: Sequence[SegmentedFile]) -> list[str]:
    """Mean over whole particles as text, in nm if all pixel sizes are known; nothing without whole particles."""
    means = [
        (one.sizes.whole, one.sizes.mean_px, one.pixel_size_nm) for one in results if one.sizes.mean_px is not None
    ]
    if not means:
        return []
    unit = "px" if any(size is None for _, _, size in means) else "nm"
    total = sum(count * mean_px * (1.0 if unit == "px" else size or 1.0) for count, mean_px, size in means)
    whole = sum(count for count, _, _ in means)
    return [f"mean diameter {total / whole:.3g} {unit} (n = {whole})"]
