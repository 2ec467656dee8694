"""The list of figures, and figures on disk: PNG, SVG and the numbers as CSV."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tem_rf.errors import DatasetError, ModelError, SettingsError
from tem_rf.evaluation.table import csv_text
from tem_rf.evaluation.trials import Results
from tem_rf.files import replacing_file, write_json, write_text
from tem_rf.study.figures.base import NothingToShowError, StudyFigure
from tem_rf.version import __version__


@dataclass(frozen=True)
class Entry:
    """A figure that a report may hold.

    Attributes:
        name: Its name in commands and of its files.
        title: Its heading.
        module: Module beside this one, imported when the figure is made.
        function: Function of the module that computes the numbers.
        arguments: What it is given after the results.
        needs_networks: Whether networks are run on images, which takes minutes.
    """

    name: str
    title: str
    module: str
    function: str
    arguments: tuple[Any, ...] = ()
    needs_networks: bool = False

    def make(self, results: Results) -> StudyFigure:
        """Compute the numbers of the figure.

        Raises:
            NothingToShowError: These runs have nothing for it.
        """
        module = import_module(f"tem_rf.study.figures.{self.module}")
        make: Callable[..., StudyFigure] = getattr(module, self.function)
        return make(results, *self.arguments)


FIGURES = (
    Entry("dice", "Dice against receptive field", "score", "score_against_field", ("hard_dice",)),
    Entry("particle-sizes", "Dice and particle sizes", "score", "dice_by_particle_size"),
    Entry("dilation", "Dilation", "score", "dilated_networks"),
    Entry("soft-dice", "Soft dice against receptive field", "score", "score_against_field", ("soft_dice",)),
    Entry("boundary", "Boundary F1 against receptive field", "score", "score_against_field", ("boundary_f1",)),
    Entry("reliability", "Reliability of the probabilities", "reliability", "reliability_curves"),
    Entry("robustness", "Where the networks may be used", "robustness", "robustness_maps"),
    Entry("costs", "Dice against parameters and time", "costs", "dice_against_costs"),
    Entry("curves", "Training curves: dice", "curves", "training_curves", ("hard_dice",)),
    Entry("loss-curves", "Training curves: loss", "curves", "training_curves", ("loss",)),
    Entry("segmentations", "Example segmentations", "segmentations", "example_segmentations", (), True),
    Entry("edges", "Edges close up", "edges", "edges_close_up", (), True),
    Entry("false-negatives", "False negatives", "false_negatives", "false_negatives_figure", (), True),
    Entry("effective-fields", "Effective receptive fields", "effective_fields", "effective_fields", (), True),
)


def find_figures(names: Sequence[str]) -> tuple[Entry, ...]:
    """The figures of these names, in the order of the report; all where no name is given.

    Raises:
        SettingsError: There is no figure of a name.
    """
    known = {entry.name: entry for entry in FIGURES}
    for name in names:
        if name not in known:
            raise SettingsError(f"figure {name!r}: expected one of {', '.join(known)}.")
    return tuple(entry for entry in FIGURES if not names or entry.name in names)


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
    from tem_rf.plots.style import plain_style

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
    parts = [__version__]
    for trial in results.trials:
        for run in trial.scored:
            for file in (run.run.model_file, run.run.scores_file):
                status = file.stat() if file.exists() else None
                parts.append(f"{file} {status.st_size} {status.st_mtime_ns}" if status else f"{file} absent")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
