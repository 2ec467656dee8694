"""Figures on disk: PNG, SVG and the numbers as CSV; those that took networks are kept while their runs stay."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tem_rf
from tem_rf.errors import DatasetError, ModelError
from tem_rf.files import replacing_file, write_json, write_text
from tem_rf.study.figures.catalogue import Entry
from tem_rf.study.figures.figure import NothingToShowError, StudyFigure
from tem_rf.study.table import csv_text
from tem_rf.study.trials import Results

_DPI = 150


@dataclass(frozen=True)
class WrittenFigure:
    """A figure as a report shows it.

    Attributes:
        name: Its name; its files are NAME.png, NAME.svg and NAME.csv.
        title: Its heading.
        text: Its caption; for a figure that is left out, why.
        is_left_out: Whether there is no picture.
    """

    name: str
    title: str
    text: str
    is_left_out: bool = False


def write_figure(folder: Path, entry: Entry, results: Results) -> WrittenFigure:
    """Write the files of a figure, unless it needs networks and the very same runs were drawn before.

    Args:
        folder: Where the files go.
        entry: The figure.
        results: The trials.
    """
    fingerprint = _fingerprint(results) if entry.needs_networks else ""
    note = folder / "cache" / f"{entry.name}.json"
    if entry.needs_networks and (kept := _kept(folder, entry, note, fingerprint)):
        return kept
    try:
        figure = entry.make(results)
    except (NothingToShowError, ModelError, DatasetError) as error:
        for suffix in ("png", "svg", "csv"):
            (folder / f"{entry.name}.{suffix}").unlink(missing_ok=True)
        return WrittenFigure(entry.name, entry.title, str(error), is_left_out=True)
    _write_files(folder, entry.name, figure)
    written = WrittenFigure(entry.name, entry.title, figure.caption)
    if entry.needs_networks:
        write_json(note, {"fingerprint": fingerprint, "figure": asdict(written)})
    return written


def _write_files(folder: Path, name: str, figure: StudyFigure) -> None:
    from tem_rf.study.figures.style import plain_style

    write_text(folder / f"{name}.csv", csv_text(figure.rows))
    with plain_style():
        drawn = figure.draw()
        metadata: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}}
        for kind, values in metadata.items():
            with replacing_file(folder / f"{name}.{kind}") as beside:
                drawn.savefig(beside, format=kind, dpi=_DPI, metadata=values)


def _kept(folder: Path, entry: Entry, note: Path, fingerprint: str) -> WrittenFigure | None:
    """What was written before of the same runs, if it is all there."""
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
        written, of_these_runs = WrittenFigure(**content["figure"]), content["fingerprint"] == fingerprint
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_whole = all((folder / f"{entry.name}.{suffix}").exists() for suffix in ("png", "svg", "csv"))
    return written if of_these_runs and is_whole else None


def _fingerprint(results: Results) -> str:
    """What the pictures of networks depend on: version, networks and their scores, by size and time of the files."""
    parts = [tem_rf.__version__]
    for trial in results.trials:
        for run in trial.scored:
            for file in (run.run.model_file, run.run.scores_file):
                status = file.stat() if file.exists() else None
                parts.append(f"{file} {status.st_size} {status.st_mtime_ns}" if status else f"{file} absent")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
