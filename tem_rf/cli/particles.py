"""`tem-rf particles`: the particles of a folder as one experiment."""

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table, show_status
from tem_rf.jobs.particles import ParticlesOutcome, ParticlesRequest, summarize_particles


@takes(ParticlesRequest)
def particles(request: ParticlesRequest, as_json: JsonFlag = False) -> None:
    """Summarize a folder of segmented micrographs as one experiment, or compare two: report.html, tables, figures.

    Images are the units of all intervals and tests, since particles of one image are not independent.

    Example: tem-rf particles segmented

    Example: tem-rf particles sample-a --compare sample-b --edges correct
    """
    with show_status("reading the results") as on_step:
        outcome = summarize_particles(request, on_step=on_step)
    for summary in outcome.summaries:
        for note in summary.experiment.notes:
            print_remark(f"{summary.experiment.folder}: {note}")
    if as_json:
        print_json(outcome.to_json())
        return
    _print(outcome)


def _print(outcome: ParticlesOutcome) -> None:
    columns = ["folder", "images", "particles", "n", "mean diameter", "95 % interval", "polydispersity", "best fit"]
    rows: list[list[object]] = []
    for one in outcome.summaries:
        experiment, found = one.experiment, one.statistics
        count = sum(len(image.diameters) for image in experiment.images)
        row: list[object] = [experiment.folder, len(experiment.images), count]
        if found is None:
            rows.append([*row, 0, "–", "–", "–", "–"])
            continue
        spread = "" if found.sd is None else f" ± {found.sd:.2g}"
        interval = one.intervals.get("mean")
        row += [found.n, f"{found.mean:.3g}{spread} {experiment.unit}"]
        row.append("–" if interval is None else f"{interval[0]:.3g} to {interval[1]:.3g} {experiment.unit}")
        row.append("–" if found.polydispersity is None else f"{found.polydispersity:.1%}")
        rows.append([*row, one.fits[0].name if one.fits else "–"])
    print_table("Particles that count, by the rule for edge particles", columns, rows)
    if outcome.comparison is not None:
        print(outcome.comparison.verdict)
    print(outcome.page)
