"""`tem-rf doctor`: check this machine, and say how to fix what is missing."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from tem_rf.cli.output import JsonFlag, print_json

if TYPE_CHECKING:
    from tem_rf.cli.machine import Finding

SIGNS = {"ok": "[green]ok    [/]", "note": "[yellow]note  [/]", "broken": "[red]BROKEN[/]"}


def doctor(
    folder: Annotated[Path, typer.Argument(help="Working folder, checked for free space and file locks.")] = Path(),
    deep: Annotated[
        bool, typer.Option("--deep", help="Also import the backend and run a test computation; takes some seconds.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check Python, packages, GPUs, memory, disk, file locks, terminal and optional extras of this machine.

    The exit code is 1 if something that tem-rf needs is broken.

    Example: tem-rf doctor --deep
    """
    from tem_rf.cli.machine import compute, look_at

    findings = [*look_at(folder), *([compute()] if deep else [])]
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
