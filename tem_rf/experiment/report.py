"""Write the report of an experiment: a self-contained page, tables and figures beside it."""

import base64
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.experiment import Criterion, EdgeRule
from tem_rf.experiment.comparison import Comparison, Interval
from tem_rf.experiment.distribution import Fit, SizeStatistics
from tem_rf.experiment.edges import RULES
from tem_rf.experiment.images import Experiment
from tem_rf.files import readable, replacing_file, write_text
from tem_rf.particles.formats.tables import particle_columns, particle_rows, write_excel
from tem_rf.plots.experiment import Sample, write_distributions, write_images
from tem_rf.plots.robustness import ROBUSTNESS, write_robustness

PAGE, PARTICLES, IMAGES, WORKBOOK = "report.html", "particles.csv", "images.csv", "particles.xlsx"
_TEMPLATE = "report.html.j2"  # beside this module
_TITLES = {
    "mean": "mean diameter",
    "median": "median diameter",
    "sd": "standard deviation of the diameters",
    "polydispersity": "polydispersity (standard deviation over mean)",
    "number_per_area": "particles per area",
}
_IMAGE_COLUMNS = ("folder", "image", "particles", "cut_by_edge", "n", "mean_diameter", "unit")


@dataclass(frozen=True, eq=False)
class Summary:
    """Everything that was found out about an experiment.

    Attributes:
        experiment: The experiment.
        statistics: Its pooled statistics; None if no particle counts.
        intervals: 95 % confidence intervals of them, by name.
        fits: The fitted distributions, best first.
    """

    experiment: Experiment
    statistics: SizeStatistics | None
    intervals: dict[str, Interval]
    fits: Sequence[Fit]


def write_report(
    summaries: Sequence[Summary],
    folder: Path,
    *,
    edges: EdgeRule,
    criterion: Criterion,
    comparison: Comparison | None,
    settings: dict[str, Any],
) -> Path:
    """Write the page, the tables and the figures, each completely or not at all.

    Args:
        summaries: One experiment, or two that are compared.
        folder: Where the files go.
        edges: Rule for edge particles.
        criterion: Criterion of the fits.
        comparison: Comparison of the two.
        settings: Settings, for the page and the workbook.

    Returns:
        The page.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    unit = summaries[0].experiment.unit
    fits = 1 if len(summaries) > 1 else None  # of two experiments only the best, or their curves cannot be told apart
    drawn = [_sample(one, fits) for one in summaries if one.statistics is not None]
    pictures = []
    if drawn:
        write_distributions(folder / "distribution.png", drawn, unit)
        write_images(folder / "images.png", drawn, unit)
        pictures = [
            ("Size distribution", _data_uri(folder / "distribution.png")),
            ("Images, each with its particles and their mean", _data_uri(folder / "images.png")),
        ]
    models = [(readable(one.experiment.folder.name), one.experiment.maps) for one in summaries if one.experiment.maps]
    if models:
        write_robustness(folder / ROBUSTNESS, models)
        pictures.append(("Where the model may be used: mean dice of its masks", _data_uri(folder / ROBUSTNESS)))
    _write_tables(folder, summaries, unit, settings)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template(_TEMPLATE).render(
        title=" and ".join(readable(one.experiment.folder) for one in summaries),
        rule=RULES[edges],
        criterion={"aicc": "AICc", "bic": "BIC"}[criterion],
        experiments=[_shown(one, unit, criterion) for one in summaries],
        comparison=comparison and _shown_comparison(comparison, unit),
        pictures=pictures,
        columns=_IMAGE_COLUMNS,
        images=[[_text(cell) for cell in row] for row in _image_rows(summaries, unit)],
        settings=[(name, str(value)) for name, value in settings.items()],
        notes=[note for one in summaries for note in one.experiment.notes],
        tables=(PARTICLES, IMAGES, WORKBOOK),
    )
    write_text(folder / PAGE, page)
    return folder / PAGE


def statistics_rows(summary: Summary) -> list[tuple[str, Any, str]]:
    """The pooled statistics as rows of a table: quantity, value, unit; with their n and intervals."""
    found, unit = summary.statistics, summary.experiment.unit
    if found is None:
        return [("particles that count", 0, "")]
    rows: list[tuple[str, Any, str]] = [
        ("particles that count (n)", found.n, ""),
        ("images with them", found.images, ""),
    ]
    for name, title in _TITLES.items():
        of = {"polydispersity": "", "number_per_area": f"1/{unit}²"}.get(name, unit)
        rows.append((title, getattr(found, name), of))
        if name in summary.intervals:
            low, high = summary.intervals[name]
            rows += [(f"{title}, 95 % interval from", low, of), (f"{title}, 95 % interval to", high, of)]
    return rows


def _sample(summary: Summary, fits: int | None) -> Sample:
    images = summary.experiment.images
    counted = [image.weights > 0 for image in images]
    return Sample(
        name=readable(summary.experiment.folder.name),
        images=[readable(image.name) for image in images],
        diameters=[image.diameters[chosen] for image, chosen in zip(images, counted, strict=True)],
        weights=[image.weights[chosen] for image, chosen in zip(images, counted, strict=True)],
        means=[_mean(image.diameters, image.weights) for image in images],
        densities=[(fit.name, fit.density) for fit in summary.fits[:fits]],
    )


def _mean(diameters: np.ndarray, weights: np.ndarray) -> float | None:
    return float(np.average(diameters, weights=weights)) if weights.any() else None


def _image_rows(summaries: Sequence[Summary], unit: str) -> list[tuple[Any, ...]]:
    return [
        (
            *(readable(one.experiment.folder), readable(image.name), len(image.diameters), int(image.cut.sum())),
            *(int((image.weights > 0).sum()), _mean(image.diameters, image.weights), unit),
        )
        for one in summaries
        for image in one.experiment.images
    ]


def _write_tables(folder: Path, summaries: Sequence[Summary], unit: str, settings: dict[str, Any]) -> None:
    measured = [image for one in summaries for image in one.experiment.measured]
    for name, columns, rows in (
        (PARTICLES, particle_columns(measured), particle_rows(measured)),
        (IMAGES, _IMAGE_COLUMNS, _image_rows(summaries, unit)),
    ):
        with replacing_file(folder / name) as beside, beside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(rows)
    rows = []
    for one in summaries:
        rows += [(readable(one.experiment.folder), "", ""), *statistics_rows(one)]
    write_excel(folder / WORKBOOK, measured, rows, settings)


def _shown(summary: Summary, unit: str, criterion: Criterion) -> dict[str, Any]:
    found = summary.statistics
    rows = []
    if found is not None:
        for name, title in _TITLES.items():
            of = {"polydispersity": "", "number_per_area": f" 1/{unit}²"}.get(name, f" {unit}")
            interval = summary.intervals.get(name)
            value = getattr(found, name)
            rows.append(
                (
                    title,
                    "–" if value is None else f"{value:.4g}{of}",
                    "–" if interval is None else f"{interval[0]:.4g} to {interval[1]:.4g}{of}",
                )
            )
    fits = [
        (
            *(fit.name, "; ".join(_mode_text(fit.name, mode, unit) for mode in fit.modes)),
            *(_text(getattr(fit, criterion)), _text(_behind(fit, summary.fits[0], criterion))),
        )
        for fit in summary.fits
    ]
    images = summary.experiment.images
    return {
        "name": readable(summary.experiment.folder),
        "particles": sum(len(image.diameters) for image in images),
        "cut": sum(int(image.cut.sum()) for image in images),
        "n": 0 if found is None else found.n,
        "images": len(images),
        "with_particles": 0 if found is None else found.images,
        "rows": rows,
        "fits": fits,
        "has_intervals": bool(summary.intervals),
    }


def _behind(fit: Fit, best: Fit, criterion: Criterion) -> float | None:
    own, lowest = getattr(fit, criterion), getattr(best, criterion)
    return None if own is None or lowest is None else own - lowest


def _mode_text(name: str, mode: Any, unit: str) -> str:
    if name == "normal":
        return f"mean {mode.centre:.4g} {unit}, sd {mode.width:.3g} {unit}"
    share = f"{mode.share:.0%}: " if mode.share < 1 else ""
    return f"{share}median {mode.centre:.4g} {unit}, factor {mode.width:.3g}"


def _shown_comparison(comparison: Comparison, unit: str) -> list[tuple[str, str]]:
    interval, p_value = comparison.interval, comparison.p_value
    kind = "all divisions of the images" if comparison.is_exact else "random divisions of the images"
    return [
        ("verdict", comparison.verdict),
        (
            "difference of the mean diameters, B minus A",
            f"{comparison.difference:+.4g} {unit} ({comparison.relative:+.1%})",
        ),
        ("95 % interval", "–" if interval is None else f"{interval[0]:+.4g} to {interval[1]:+.4g} {unit}"),
        ("p-value (permutation of images)", "–" if p_value is None else f"{p_value:.3g}, from {kind}"),
        ("effect size (Hedges' g of the means of the images)", _text(comparison.hedges_g)),
        ("probability that a particle of B is larger than one of A", f"{comparison.overlap:.3f}"),
        ("images with particles, A and B", f"{comparison.images[0]} and {comparison.images[1]}"),
        ("n of the means, A and B", f"{comparison.particles[0]} and {comparison.particles[1]}"),
    ]


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _data_uri(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
