"""`tem-rf study`: many trainings, planned, run and compared together."""

import typer

from tem_rf.cli.study_compare import compare
from tem_rf.cli.study_report import report
from tem_rf.cli.study_table import table

study = typer.Typer(
    help="Plan, run and compare many trainings: datasets, networks, recipes and seeds.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
for command in (table, compare, report):
    study.command()(command)
