"""Command-line options, generated from the settings of a request."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from rich.markup import escape

from tem_rf.jobs.request import Request, Setting

ADVANCED_PANEL = "Advanced options"


def takes(
    request: type[Request], *, leave_out: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the settings of a request as arguments and options.

    The command takes the request as its first argument; its own options follow those of the request.

    Args:
        request: Class of the request.
        leave_out: Settings that the command does not offer.
    """
    settings = {name: one for name, one in request.settings().items() if name not in leave_out}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

        @wraps(command)
        def run(**given: Any) -> None:
            values = {name: given.pop(name) for name in settings}
            chosen = {name: value for name, value in values.items() if value not in (None, [], ())}
            command(request.build(**chosen), **given)

        parameters = [_parameter(one) for one in settings.values()]
        parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        del run.__wrapped__
        return run

    return decorate


def _parameter(setting: Setting) -> inspect.Parameter:
    annotation: Any = _type(setting)
    default: Any = inspect.Parameter.empty if setting.is_required else None
    if default is None:
        annotation = annotation | None
    about = _argument(setting) if setting.positional else _option(setting)
    return inspect.Parameter(
        setting.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, about]
    )


def _type(setting: Setting) -> Any:
    """Return the type that Typer parses; anything it cannot parse is passed on as text to pydantic."""
    plain = setting.plain_type
    if setting.is_list and not setting.has_commas:
        is_of_paths = get_args(plain)[0] is Path
        return list[Path] if is_of_paths else list[str]
    return plain if plain in (int, float, bool, Path) else str


def _argument(setting: Setting) -> Any:
    positional = setting.positional
    return typer.Argument(help=_help(setting), metavar=positional.metavar if positional else None, show_default=False)


def _option(setting: Setting) -> Any:
    flags = setting.flags
    if setting.is_switch and setting.own_default is True:
        flags = tuple(f"{flag}/--no-{flag.removeprefix('--')}" for flag in flags)
    panel = ADVANCED_PANEL if setting.is_advanced else None
    return typer.Option(
        *flags,
        help=_help(setting),
        metavar=_metavar(setting),
        show_default=False,  # `_help` shows it
        rich_help_panel=panel,
    )


def _help(setting: Setting) -> str:
    choices = [choice for choice in setting.choices if choice not in setting.help]
    text = f"{setting.help} One of {', '.join(choices)}." if choices else setting.help
    default = _shown_default(setting)
    return escape(f"{text} [default: {default}]" if default else text)


def _metavar(setting: Setting) -> str | None:
    plain = setting.plain_type
    if get_origin(plain) is tuple and not setting.is_list:
        return "LOW:HIGH"
    if setting.has_commas:
        return "A,B,..."
    return None


def _shown_default(setting: Setting) -> str:
    """Return the default as the help shows it, from the setting, because the option itself has none."""
    default = setting.start
    if default is None or default == () or setting.is_required or setting.is_switch:
        return ""
    if isinstance(default, tuple):
        return ("," if setting.is_list else ":").join(map(str, default))
    return str(default)
