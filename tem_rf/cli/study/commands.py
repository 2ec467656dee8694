"""`tem-rf study`: many trainings, planned, run and compared together."""

import typer

from tem_rf.cli.option_names import OptionNamingGroup
from tem_rf.cli.study.compare import compare
from tem_rf.cli.study.listing import list_
from tem_rf.cli.study.new import new
from tem_rf.cli.study.report import report
from tem_rf.cli.study.run import run
from tem_rf.cli.study.table import table
from tem_rf.cli.study.watch import cancel, stop, watch

study = typer.Typer(
    cls=OptionNamingGroup,
    help="Plan, run and compare many trainings: datasets, networks, recipes and seeds.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
for command in (new, run, watch, stop, cancel, table, compare, report):
    study.command()(command)
study.command("list")(list_)
