"""The list of commands; without a command, `tem-rf` opens the app in a terminal and prints the help elsewhere."""

import sys

import typer

from tem_rf.cli.on_use import commands_on_use

COMMANDS = {
    "simulate": "tem_rf.cli.simulate:simulate",
    "data": "tem_rf.cli.data.commands:data",
    "prepare": "tem_rf.cli.prepare:prepare",
    "train": "tem_rf.cli.train:train",
    "resume": "tem_rf.cli.train:resume",
    "runs": "tem_rf.cli.keep_runs:runs",
    "watch": "tem_rf.cli.runs:watch",
    "pause": "tem_rf.cli.runs:pause",
    "stop": "tem_rf.cli.runs:stop",
    "queue": "tem_rf.cli.queue:queue",
    "evaluate": "tem_rf.cli.evaluate:evaluate",
    "curves": "tem_rf.cli.curves:curves",
    "fourier": "tem_rf.cli.fourier:fourier",
    "misses": "tem_rf.cli.misses:misses",
    "trust": "tem_rf.cli.trust:trust",
    "export": "tem_rf.cli.export:export",
    "calibrate": "tem_rf.cli.calibrate:calibrate",
    "import": "tem_rf.cli.export:import_model",
    "segment": "tem_rf.cli.segment:segment",
    "particles": "tem_rf.cli.particles:particles",
    "label": "tem_rf.cli.label.commands:label",
    "rf": "tem_rf.cli.rf.commands:rf",
    "study": "tem_rf.cli.study.commands:study",
    "mlflow": "tem_rf.cli.mlflow:mlflow",
    "demo": "tem_rf.cli.demo:demo",
    "settings": "tem_rf.cli.settings:settings",
    "doctor": "tem_rf.cli.doctor:doctor",
    "tui": "tem_rf.cli.tui:tui",
    "serve": "tem_rf.cli.serve:serve",
}

app = typer.Typer(
    cls=commands_on_use(COMMANDS),
    help="Segment nanoparticles in electron micrographs with networks of a deliberately chosen receptive field.",
    invoke_without_command=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text: importing rich would cost half of the time of the help
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is not None:
        return
    if sys.stdin.isatty() and sys.stdout.isatty():
        from tem_rf.cli.tui import tui

        tui()
    else:
        print(context.get_help())
