"""`tem-rf study compare`: whether one trial is better than another, image by image."""

from dataclasses import asdict
from typing import Annotated

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table
from tem_rf.cli.study.table import StudiesOption, StudyArgument
from tem_rf.study.folder import DEFAULT_ROOT

DEFAULT_METRICS = ("hard_dice", "soft_dice", "boundary_f1")


def compare(
    study: StudyArgument,
    one: Annotated[str, typer.Argument(help="A trial: its network, DATASET-NETWORK, or one of its runs.")],
    other: Annotated[str, typer.Argument(help="The trial to hold it against.")],
    metric: Annotated[
        list[str] | None, typer.Option(help="Score to compare, such as hausdorff95_px; repeat it for several.")
    ] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Part that the interval holds.")] = 0.95,
    resamples: Annotated[int, typer.Option(min=100, help="How often the bootstrap draws.")] = 9999,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    as_json: JsonFlag = False,
    studies: StudiesOption = DEFAULT_ROOT,
) -> None:
    """Compare two trials over the test images that both have, and say whether they can be told apart.

    Each image is scored by both. A bootstrap draws whole micrographs, whose patches are alike, and seeds.

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
            print_remark(f"{trial.name}: {trial.state}; {len(trial.scored)} seeds are compared")
    if as_json:
        print_json([{**asdict(each), "verdict": each.verdict} for each in comparisons])
        return
    first = comparisons[0]
    print_table(
        f"{first.one} against {first.other}: {first.images} images of {first.micrographs} micrographs, "
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
