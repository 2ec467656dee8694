"""Options of commands that read labels and files of several images, a field of `ReadingSettings` each."""

from typing import Annotated, Any

import typer

from tem_rf.config.reading import ReadingSettings


def _help(field: str) -> str:
    return ReadingSettings.model_fields[field].description or ""


ArrayOption = Annotated[str | None, typer.Option(help=_help("array"))]
ChannelOption = Annotated[int | None, typer.Option(min=1, help=_help("channel"))]
LabelArrayOption = Annotated[str | None, typer.Option(help=_help("label_array"))]
ParticleOption = Annotated[str | None, typer.Option(help=_help("particle"))]
BackgroundOption = Annotated[str | None, typer.Option(help=_help("background"))]
NotSureOption = Annotated[str | None, typer.Option(help=_help("not_sure"))]
PairOption = Annotated[str | None, typer.Option(help=_help("pair"))]
EmptyOption = Annotated[bool, typer.Option("--empty-is-background", help=_help("empty_is_background"))]


def reading_changes(**given: Any) -> dict[str, Any]:
    """The settings of reading that a command was given; those left out keep their defaults."""
    return {name: value for name, value in given.items() if value not in (None, False)}
