"""`tem-rf study`: many trainings, planned, run and compared together."""

import typer

from tem_rf.cli.study_compare import compare
from tem_rf.cli.study_list import list_
from tem_rf.cli.study_new import new
from tem_rf.cli.study_report import report
from tem_rf.cli.study_run import run
from tem_rf.cli.study_table import table
from tem_rf.cli.study_watch import cancel, stop, watch

study = typer.Typer(
    help="Plan, run and compare many trainings: datasets, networks, recipes and seeds.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
for command in (new, run, watch, stop, cancel, table, compare, report):
    study.command()(command)
study.command("list")(list_)
