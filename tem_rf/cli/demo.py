"""`tem-rf demo`: the whole workflow on simulated micrographs, from simulation to segmented images."""

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import print_remark

MODEL, SEGMENTED, SCORED = "model", "segmented", "scored"
# Enough to beat Fourier filtering in a few minutes on two cores; the study trains 100 epochs on 512 px patches.
TRAINING = ["--epochs", "16", "--batch-size", "8", "--learning-rate", "0.002"]


def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Output folder.")] = Path("demo"),
) -> None:
    """Run the whole workflow on simulated micrographs: simulate, prepare, train, evaluate, export, segment.

    Every step is an ordinary command, printed before it runs. Run it again to resume; finished steps are reused.

    Example: tem-rf demo
    """
    started = time.monotonic()
    for command in demo_commands(folder):
        print_remark(f"\n$ tem-rf {shlex.join(command)}", style="bold")
        context.find_root().command.main(command, prog_name="tem-rf", standalone_mode=False)
    print_remark(f"\nDone in {time.monotonic() - started:.0f} s.")
    print(f"exported model: {folder / MODEL}")
    pictures = [*(folder / SCORED).rglob("*.png"), *(folder / SEGMENTED).glob("*.png")]
    print("pictures:", *sorted(pictures), sep="\n  ")


def demo_commands(folder: Path) -> list[list[str]]:
    """Return the commands of the demo, without the leading `tem-rf`."""
    micrographs, new, dataset, runs, model, segmented, scored = (
        str(folder / name) for name in ("micrographs", "new", "dataset", "runs", MODEL, SEGMENTED, SCORED)
    )
    run = f"{runs}/n2-p44"
    return [
        ["simulate", "au-5nm", "--count", "16", "--size-px", "512", "--seed", "1", "--output", micrographs],
        ["simulate", "au-5nm", "--count", "3", "--size-px", "1024", "--seed", "2", "--output", new],
        ["prepare", micrographs, "--output", dataset, "--patch-size", "256"],
        ["train", dataset, "--network", "n2-p44", *TRAINING, "--name", "n2-p44", "--runs", runs],
        ["evaluate", run, "--pictures", scored],
        ["export", run, "--output", model],
        ["segment", f"{new}/images", "--model", model, "--output", segmented],
    ]
