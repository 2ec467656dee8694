"""The list of commands."""

import typer

from tem_rf.cli.fourier import fourier
from tem_rf.cli.simulate import simulate

app = typer.Typer(
    help="Segment nanoparticles in electron micrographs with networks whose receptive field is chosen on purpose.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(fourier)
app.command()(simulate)
