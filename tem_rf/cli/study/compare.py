"""`tem-rf study compare`: test whether one trial is better than another, image by image."""

from dataclasses import asdict
from typing import Annotated

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table
from tem_rf.cli.study.table import StudiesOption, StudyArgument
from tem_rf.study.folder import DEFAULT_ROOT

DEFAULT_METRICS = ("hard_dice", "soft_dice", "boundary_f1")


def compare(
    study: StudyArgument,
    one: Annotated[
        str, typer.Argument(help="First trial, given as its network, as DATASET-NETWORK, or as one of its runs.")
    ],
    other: Annotated[str, typer.Argument(help="Second trial, given in the same way.")],
    metric: Annotated[
        list[str] | None, typer.Option(help="Score to compare, such as hausdorff95_px; may be repeated.")
    ] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence level of the intervals.")] = 0.95,
    resamples: Annotated[int, typer.Option(min=100, help="Number of bootstrap resamples.")] = 9999,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    as_json: JsonFlag = False,
    studies: StudiesOption = DEFAULT_ROOT,
) -> None:
    """Compare two trials on the test images they share, and report whether they differ significantly.

    Scores are paired by image. The bootstrap resamples whole micrographs, because their patches are correlated, and
    seeds.

    Example: tem-rf study compare fig2 n2-p22 n2-p44
    """
    from tem_rf.study.results.comparison import compare_trials
    from tem_rf.study.results.folder import find_results

    results = find_results(study, studies).read()
    trials = results.find(one), results.find(other)
    comparisons = [
        compare_trials(*trials, metric=name, confidence=confidence, resamples=resamples, seed=seed)
        for name in metric or DEFAULT_METRICS
    ]
    for trial in trials:
        if not trial.is_complete:
            print_remark(f"{trial.name}: {trial.state}; comparing {len(trial.scored)} seeds")
    if as_json:
        print_json([{**asdict(each), "verdict": each.verdict} for each in comparisons])
        return
    first = comparisons[0]
    print_table(
        f"{first.one} and {first.other}: {first.images} images of {first.micrographs} micrographs, "
        f"{first.seeds[0]} and {first.seeds[1]} seeds",
        ["score", first.one, first.other, "difference", f"{confidence:.0%} interval"],
        [
            [
                each.metric.replace("_", " "),
                f"{each.one_mean:.4f}",
                f"{each.other_mean:.4f}",
                f"{each.difference:+.4f}",
                f"{each.low:+.4f} to {each.high:+.4f}",
            ]
            for each in comparisons
        ],
    )
    for each in comparisons:
        print(each.verdict)
