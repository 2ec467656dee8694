"""`tem-rf doctor`: check this machine, and say how to fix what is missing."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from tem_rf.cli.output import JsonFlag, print_json, print_remark

if TYPE_CHECKING:
    from tem_rf.cli.finding import Finding

SIGNS = {"ok": "[green]ok    [/]", "note": "[yellow]note  [/]", "broken": "[red]BROKEN[/]"}


def doctor(
    folder: Annotated[Path, typer.Argument(help="Working folder, checked for free space and file locks.")] = Path(),
    quick: Annotated[bool, typer.Option("--quick", help="Do not train and segment on each device.")] = False,
    use: Annotated[
        Literal["tensorflow", "tensorflow-without-xla", "jax", "default"] | None,
        typer.Option(help="Set what computes on this machine from now on."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check Python, packages, GPUs, memory, disk, file locks, terminal and optional extras of this machine.

    On the CPU and on each GPU it takes one training step, compiled as in a training, and segments one image; this takes
    about 20 s per device. The exit code is 1 if something that tem-rf needs is broken.

    Example: tem-rf doctor --quick

    If TensorFlow cannot use a GPU, the doctor says whether it can without XLA, or whether JAX can. --use makes this the
    default of this machine; KERAS_BACKEND and TEM_RF_XLA override it.

    Example: tem-rf doctor --use jax
    """
    from tem_rf.cli.device_check import device_findings
    from tem_rf.cli.machine import look_at
    from tem_rf.config.machine import choose
    from tem_rf.runs.gpus import find_driver

    if use is not None:
        file = choose(None if use == "default" else use)
        print_remark(f"{file}: this machine uses {use} from now on")
        return
    driver = find_driver()
    findings = [*look_at(folder, driver), *([] if quick else device_findings(driver, os.environ))]
    is_broken = any(finding.state == "broken" for finding in findings)
    if as_json:
        print_json({"ok": not is_broken, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    raise typer.Exit(is_broken)


def _print(findings: "list[Finding]") -> None:
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        advice = f"; {finding.advice}" if finding.advice else ""
        console.print(f"{SIGNS[finding.state]} {finding.name:{width}}  {escape(finding.found + advice)}")
