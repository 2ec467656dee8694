"""Summarize the particles of a folder of segmented micrographs as one experiment, or compare two."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from tem_rf.config.experiment import Criterion, EdgeRule
from tem_rf.config.marks import ADVANCED, Existing, Flags, Positional
from tem_rf.errors import ReadError
from tem_rf.jobs.request import Request

if TYPE_CHECKING:
    from tem_rf.experiment.comparison import Comparison
    from tem_rf.experiment.report import Summary


class ParticlesRequest(Request):
    """A folder of results of `segment`, and how its particles are counted."""

    command = ("particles",)

    folder: Annotated[Path, Positional(), Existing()] = Field(
        description="Folder of results of segment, taken as one experiment."
    )
    compare: Annotated[Path | None, Existing()] = Field(None, description="Another such folder to compare it with.")
    edges: EdgeRule = Field(
        "exclude",
        description="Rule for particles cut by the edge: exclude them, count them half, or correct for their absence "
        "by the size of the others.",
    )
    every_frame: bool = Field(
        False, description="Take every frame of a stack as an image; otherwise the first, as in a movie."
    )
    criterion: Criterion = Field("aicc", description="Criterion by which fits of the distribution are compared.")
    output: Annotated[Path | None, Flags("output", "o")] = Field(
        None, description="Folder for the report; default: report/ in the folder."
    )
    resamples: Annotated[int, ADVANCED] = Field(
        2000, ge=100, le=100_000, description="Number of bootstrap resamples, and of permutations."
    )
    seed: Annotated[int, ADVANCED] = Field(752, ge=0, description="Seed of the resamples.")


@dataclass(frozen=True, eq=False)
class ParticlesOutcome:
    """Result of the statistics of an experiment.

    Attributes:
        page: The report.
        summaries: Statistics, intervals and fits of the folder, and of the one it is compared with.
        comparison: The comparison; None without a second folder, or if one has no particles.
    """

    page: Path
    summaries: "tuple[Summary, ...]"
    comparison: "Comparison | None"

    def to_json(self) -> dict[str, Any]:
        """All numbers as JSON types."""
        return {
            "report": str(self.page),
            "experiments": [
                {
                    "folder": str(one.experiment.folder),
                    "unit": one.experiment.unit,
                    "images": len(one.experiment.images),
                    "particles": sum(len(image.diameters) for image in one.experiment.images),
                    "statistics": one.statistics and asdict(one.statistics),
                    "intervals": {name: list(interval) for name, interval in one.intervals.items()},
                    "fits": [fit.to_json() for fit in one.fits],
                    "notes": list(one.experiment.notes),
                }
                for one in self.summaries
            ],
            "comparison": self.comparison and {**asdict(self.comparison), "verdict": self.comparison.verdict},
        }


def summarize_particles(
    request: ParticlesRequest, *, on_step: Callable[[str], None] = lambda what: None
) -> ParticlesOutcome:
    """Pool the particles of a folder, and compare them with those of another one; write the report.

    Args:
        request: The folders and rules.
        on_step: Called with the current step.

    Raises:
        ReadError: A folder has no results of segment, or the two have different units.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.experiment.comparison import compare, confidence_intervals
    from tem_rf.experiment.distribution import describe, fit_distributions, pooled
    from tem_rf.experiment.folder import read_experiment
    from tem_rf.experiment.report import Summary, write_report

    folders = [request.folder] if request.compare is None else [request.folder, request.compare]
    summaries = []
    for folder in folders:
        on_step(f"reading {folder}")
        experiment = read_experiment(folder, request.edges, every_frame=request.every_frame)
        statistics = describe(experiment.images)
        summaries.append(
            Summary(
                experiment,
                statistics,
                confidence_intervals(experiment.images, request.resamples, request.seed),
                [] if statistics is None else fit_distributions(*pooled(experiment.images), request.criterion),
            )
        )
    units = [one.experiment.unit for one in summaries]
    if len(set(units)) > 1:
        raise ReadError(
            f"{folders[units.index('px')]}: its images have no pixel size, but those of "
            f"{folders[units.index('nm')]} have; segment them again with `pixel_size_nm`."
        )
    comparison = None
    if len(summaries) == 2:
        on_step("comparing")
        one, other = (summary.experiment for summary in summaries)
        comparison = compare(one, other, request.resamples, request.seed)
    on_step("writing the report")
    page = write_report(
        summaries,
        request.output or request.folder / "report",
        edges=request.edges,
        criterion=request.criterion,
        comparison=comparison,
        settings={name: value for name, value in request.values().items() if value is not None},
    )
    return ParticlesOutcome(page, tuple(summaries), comparison)
