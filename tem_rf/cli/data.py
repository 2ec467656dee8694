"""`tem-rf data`: look at micrographs, labels and datasets, and fetch the published ones."""

import typer

data = typer.Typer(help="Check, inspect and fetch data.", no_args_is_help=True)
