"""`tem-rf study`: plan, run and compare many trainings."""

import typer

from tem_rf.cli.on_use import commands_on_use

COMMANDS = {
    "new": "tem_rf.cli.study.new:new",
    "run": "tem_rf.cli.study.run:run",
    "list": "tem_rf.cli.study.listing:list_",
    "watch": "tem_rf.cli.study.watch:watch",
    "stop": "tem_rf.cli.study.watch:stop",
    "cancel": "tem_rf.cli.study.watch:cancel",
    "table": "tem_rf.cli.study.table:table",
    "compare": "tem_rf.cli.study.compare:compare",
    "report": "tem_rf.cli.study.report:report",
}

study = typer.Typer(
    cls=commands_on_use(COMMANDS),
    add_completion=False,
    help="Plan, run and compare many trainings over datasets, networks, recipes and seeds.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@study.callback()
def _group() -> None:
    """Make this a group although its commands are not imported yet."""
