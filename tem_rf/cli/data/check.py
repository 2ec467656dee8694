"""Output of `tem-rf data check`."""

from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from tem_rf.cli.option_names import with_option_names
from tem_rf.cli.output import print_json, print_table
from tem_rf.data.check import CheckedPair, FolderCheck
from tem_rf.jobs.check import CheckRequest, check


def print_check(request: CheckRequest, as_json: bool) -> bool:
    """Check a folder and print the result; return True if nothing is wrong."""
    outcome = check(request)
    if as_json:
        print_json(asdict(outcome) | {"ok": not outcome.problems})
    else:
        _print_pairs(request.folder, outcome)
    return not outcome.problems


def _print_pairs(folder: Path, outcome: FolderCheck) -> None:
    if outcome.pairs:
        columns = ("micrograph", "label", "frames", "size [px]", "pixel size [nm]", "particles")
        pairs = "1 pair" if len(outcome.pairs) == 1 else f"{len(outcome.pairs)} pairs"
        print_table(f"{pairs} in {folder}", columns, [_row(pair) for pair in outcome.pairs])
    console = Console(highlight=False, soft_wrap=True)
    remarks: dict[str, list[str]] = {}
    for pair in outcome.pairs:
        for note in pair.notes:
            remarks.setdefault(note, []).append(pair.image.name)
    for note, names in remarks.items():
        console.print(
            f"note: {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {with_option_names(note)}",
            markup=False,
        )
    for note in outcome.notes:
        console.print(f"note: {with_option_names(note)}", markup=False)
    for what in outcome.lacks:
        console.print(f"lacks {with_option_names(what)}", markup=False)
    for problem in outcome.problems:
        console.print(f"problem: {with_option_names(str(problem))}", markup=False)
    if outcome.problems:
        problems = "1 problem" if len(outcome.problems) == 1 else f"{len(outcome.problems)} problems"
        console.print(f"{problems}, {len(outcome.pairs)} usable pairs")


def _row(pair: CheckedPair) -> tuple[str, ...]:
    return (
        pair.image.name,
        pair.label.name,
        str(pair.frames),
        f"{pair.width_px} x {pair.height_px}",
        "unknown" if pair.pixel_size_nm is None else f"{pair.pixel_size_nm:.4g}",
        f"{100 * pair.particle_fraction:.1f} %",
    )
