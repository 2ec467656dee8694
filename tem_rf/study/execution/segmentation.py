"""Segment files on the workers of a Dask scheduler, each file on one of them."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from distributed import Future, KilledWorker, as_completed

from tem_rf.errors import ModelError, StudyError, TemRfError
from tem_rf.inference.job import LabelledFile, Segmented, SegmentJob, is_about_one_file, segment_files
from tem_rf.inference.model_choice import NetworkChoice, Networks
from tem_rf.study.execution.clusters import Cluster


def segment_files_on_workers(
    files: Sequence[LabelledFile],
    networks: NetworkChoice,
    job: SegmentJob,
    cluster: Cluster,
    *,
    on_step: Callable[[str], None] = lambda what: None,
    on_note: Callable[[str], None] = lambda note: None,
    on_failure: Callable[[Path, TemRfError], None] | None = None,
) -> list[Segmented]:
    """Segment files like `segment_files`, several at a time.

    If a worker is killed, its file is handed to another worker, which resumes at the next frame. Inputs, models and
    output must be on a file system shared by all workers.

    Args:
        files: What `files_to_segment` found.
        networks: Which networks segment them.
        job: What is done to them.
        cluster: Where the workers come from; it is closed at the end.
        on_step: Called with how many files are done.
        on_note: Called with what the user should know.
        on_failure: As for `segment_files`.

    Returns:
        What became of each file, in the order of the files.

    Raises:
        TemRfError: As `segment_files`, for the first file that fails; the others are taken back.
        StudyError: The scheduler cannot be reached or is lost; repeat the call to resume.
    """
    seen_by_all = replace(job, output=job.output.resolve())
    with closing(cluster), cluster.connect() as client:
        futures = {
            client.submit(
                _segment_one, _resolved(file), networks.resolved(), seen_by_all, client.id, pure=False
            ): number
            for number, file in enumerate(files)
        }
        results: dict[int, Segmented] = {}
        on_step(f"0 of {len(files)} files segmented")
        for future in as_completed(futures, loop=client.loop):
            number = futures[future]
            try:
                answer = _answer(future, files[number].path)
            except TemRfError as error:
                if on_failure is None or not is_about_one_file(error, are_named=bool(networks.named)):
                    raise
                on_failure(files[number].path, error)
                continue
            for note in answer.notes:
                on_note(note)
            results[number] = answer.segmented
            on_step(f"{len(results)} of {len(files)} files segmented")
        return [results[number] for number in sorted(results)]


@dataclass(frozen=True)
class _Answer:
    """What a worker says of a file."""

    segmented: Segmented
    notes: tuple[str, ...]


def _segment_one(file: LabelledFile, networks: NetworkChoice, job: SegmentJob, client: str) -> _Answer:
    notes: list[str] = []
    (segmented,) = segment_files([file], _loaded(networks, client), job, on_note=notes.append)
    return _Answer(segmented, tuple(notes))


@lru_cache(maxsize=1)
def _loaded(networks: NetworkChoice, client: str) -> Networks:
    """A worker loads a network once for all files of a client; for the next one its folder may hold another."""
    return Networks(networks)


def _answer(future: Future, path: Path) -> _Answer:
    try:
        return future.result()
    except KilledWorker as error:
        raise ModelError(
            f"{path}: every worker that tried to segment it was killed, most likely because it ran out of memory; use "
            "fewer workers."
        ) from error
    except (OSError, TimeoutError) as error:
        raise StudyError(f"{path}: the scheduler is gone; run the same command again to resume.") from error


def _resolved(file: LabelledFile) -> LabelledFile:
    return LabelledFile(file.path.resolve(), file.label and file.label.resolve())
