"""Output of `tem-rf label next`."""

import shlex
from dataclasses import asdict

from tem_rf.cli.output import print_json, print_remark, print_table, show_status
from tem_rf.jobs.next_labels import SMALL_GAIN, NextRequest, Suggestions, suggest_labels


def print_suggestions(request: NextRequest, as_json: bool) -> None:
    """Suggest patches, print them, and what labelling them is expected to bring."""
    with show_status() as on_step:
        result = suggest_labels(request, on_step=on_step, on_note=print_remark)
    verdict = _verdict(result)
    if as_json:
        print_json(asdict(result) | {"verdict": verdict})
        return
    rows = [[one.file.name, one.disagreement, one.unlikeness, f"{one.particle_fraction:.0%}"] for one in result.patches]
    print_table(
        f"{len(rows)} of {result.candidates} patches, the most useful first",
        ["patch", "disagreement", "unlikeness", "particles"],
        rows,
    )
    print_remark(verdict)
    first = result.patches[0]
    print_remark(f"next: tem-rf label edit {shlex.quote(str(first.file))} --mask {shlex.quote(str(first.start))}")


def _verdict(result: Suggestions) -> str:
    count = len(result.patches)
    if result.expected_gain is None:
        return (
            "No expected gain yet: it needs two scored trainings with different numbers of labels, tested on the same "
            "micrographs (prepare --test, train --evaluate)."
        )
    trained = ", ".join(f"{one.hard_dice:.3f} with {one.patches}" for one in result.history)
    gain = f"Dice so far: {trained} patches. {count} more are expected to add {result.expected_gain:.3f}"
    if result.expected_gain < SMALL_GAIN:
        return f"{gain}, less than labels differ between persons: more labels of this kind no longer pay."
    return f"{gain}."
