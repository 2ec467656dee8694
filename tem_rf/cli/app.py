"""The list of commands; without one, a terminal gets the app and anything else the help."""

import sys
from pathlib import Path

import typer

from tem_rf.cli.curves import curves
from tem_rf.cli.data.commands import data
from tem_rf.cli.demo import demo
from tem_rf.cli.doctor import doctor
from tem_rf.cli.evaluate import evaluate
from tem_rf.cli.export import export
from tem_rf.cli.fourier import fourier
from tem_rf.cli.import_model import import_model
from tem_rf.cli.misses import misses
from tem_rf.cli.option_names import OptionNamingGroup
from tem_rf.cli.prepare import prepare
from tem_rf.cli.rf.commands import rf
from tem_rf.cli.runs import pause, runs, stop, watch
from tem_rf.cli.segment import segment
from tem_rf.cli.simulate import simulate
from tem_rf.cli.study.commands import study
from tem_rf.cli.train import resume, train
from tem_rf.cli.tui import tui

app = typer.Typer(
    cls=OptionNamingGroup,
    help="Segment nanoparticles in electron micrographs with networks whose receptive field is chosen on purpose.",
    invoke_without_command=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    simulate,
    prepare,
    train,
    resume,
    runs,
    watch,
    pause,
    stop,
    evaluate,
    curves,
    fourier,
    misses,
    export,
    segment,
    demo,
    doctor,
    tui,
):
    app.command()(command)
app.command("import")(import_model)
app.add_typer(data, name="data")
app.add_typer(rf, name="rf")
app.add_typer(study, name="study")


@app.callback()
def _without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is not None:
        return
    if sys.stdin.isatty() and sys.stdout.isatty():
        tui(Path())
    else:
        print(context.get_help())
