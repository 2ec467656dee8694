"""Commands that are imported only when used: listing them imports nothing."""

import ast
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand

from tem_rf.cli.option_names import OptionNamingGroup


class CommandsOnUse(OptionNamingGroup):
    """A group whose commands are functions or groups in modules that are not imported yet."""

    places: ClassVar[Mapping[str, str]] = {}
    """`module:function` of each command, by name, in the order shown by the help."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = dict.fromkeys(self.places)  # None: not imported yet

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order shown by the help."""
        return list(self.places)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command if it is imported, otherwise a placeholder with its help."""
        if cmd_name not in self.places:
            return None
        return self.commands[cmd_name] or TyperCommand(cmd_name, help=_first_line(self.places[cmd_name]))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that was called."""
        if args and args[0] in self.places:
            self.imported_command(args[0])
        return super().resolve_command(ctx, args)

    def imported_command(self, name: str) -> Any:
        """Return a command with all its options."""
        self.commands[name] = self.commands[name] or _imported(name, self.places[name])
        return self.commands[name]


def commands_on_use(places: Mapping[str, str]) -> type[CommandsOnUse]:
    """Make the class of a group with these commands.

    Args:
        places: `module:function` of each command, by name; `function` may also name a `typer.Typer`.
    """
    return type("CommandsOnUse", (CommandsOnUse,), {"places": places})


def with_all_commands(app: typer.Typer) -> Any:
    """Return the command of an app with all of its commands imported, to inspect every option."""
    command = typer.main.get_command(app)
    _import_all(command)
    return command


def _import_all(command: Any) -> None:
    if isinstance(command, CommandsOnUse):
        for name in command.places:
            _import_all(command.imported_command(name))


def _imported(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False, rich_markup_mode="rich")
        found.command(name)(function)
    command = typer.main.get_command(found)
    command.name = name
    return command


def _first_line(place: str) -> str:
    """Read the first line of a function's docstring, or the help of a `typer.Typer`, without importing it."""
    module, _, attribute = place.partition(":")
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == attribute:
            return (ast.get_docstring(node) or "").partition("\n")[0]
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.targets[0]) == attribute
        ):
            return next(ast.literal_eval(word.value) for word in node.value.keywords if word.arg == "help")
    raise LookupError(f"{place}: no such command")
