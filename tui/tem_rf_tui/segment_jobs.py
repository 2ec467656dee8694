"""The results of the segmentations that the app has started, also of those that still run."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tem_rf_tui.jobs import Job

TITLE = "segment "
"""How the titles of these jobs begin."""

_NEEDED = {"image", "mask", "particle_fraction"}
ResultRow = dict[str, Any]


class SegmentJobs:
    """Reads results, of a job that still runs only what was added."""

    def __init__(self) -> None:
        self._outputs: dict[Path, _Output] = {}

    def rows(self, jobs: Iterable[Job]) -> list[ResultRow]:
        """Return the results as JSON, of the newest job first."""
        jobs = [job for job in jobs if job.title.startswith(TITLE)]
        self._outputs = {job.folder: self._outputs.get(job.folder) or _Output(job.folder) for job in jobs}
        return [row for job in jobs for row in self._outputs[job.folder].rows(job.output_bytes)]


class _Output:
    """The output of one job: a list, printed at its end, or a line per result of a followed folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "output.txt"
        self._position = 0
        self._rows: dict[str, ResultRow] = {}  # by micrograph: one that has grown is segmented again

    def rows(self, size: int) -> list[ResultRow]:
        if size > self._position:
            self._read()
        return list(self._rows.values())

    def _read(self) -> None:
        try:
            with self._file.open("rb") as file:
                file.seek(self._position)
                new = file.read()
        except OSError:
            return
        if self._position == 0 and new.startswith(b"["):
            found, read = _parsed(new), len(new)
            if not isinstance(found, list):  # not complete yet
                return
        else:
            read = new.rfind(b"\n") + 1
            found = [_parsed(line) for line in new[:read].splitlines()]
        self._position += read
        self._rows |= {row["image"]: row for row in found if isinstance(row, dict) and row.keys() >= _NEEDED}


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
