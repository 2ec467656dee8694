"""Settings under their command-line names: the library writes `patch_size`, the terminal shows --patch-size."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from typer.core import TyperGroup

_SETTING = re.compile(r"`([a-z][a-z0-9_]*)`")


class OptionNamingGroup(TyperGroup):
    """A group of commands that remembers which command is running; all groups of `tem-rf` are of this class."""

    root_context: ClassVar[Any] = None
    running: ClassVar[Any] = None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command to run, and remember it."""
        found = super().resolve_command(ctx, args)
        OptionNamingGroup.root_context, OptionNamingGroup.running = ctx.find_root(), found[1]
        return found

    def imported_command(self, name: str) -> Any:
        """Return a command with all its options."""
        return self.commands[name]


def with_option_names(text: str) -> str:
    """Rewrite settings that a message gives in backticks as command-line options.

    A setting of the running command becomes its option; otherwise it becomes the option of another command that has
    it, for example `patch_size` of `tem-rf prepare` in a message of `tem-rf train`. A name that is not an option is
    put in plain quotes.
    """
    return _SETTING.sub(lambda found: _option(found[1]) or f"'{found[1]}'", text)


def _option(setting: str) -> str | None:
    """Return the option of a setting, or None."""
    for command in _commands_to_ask():
        for parameter in command.params:
            if parameter.name == setting and parameter.param_type_name == "option":
                return str(parameter.opts[0])
    return None


def _commands_to_ask() -> Iterator[Any]:
    """Yield the running command, then all commands."""
    if OptionNamingGroup.running is not None:
        yield OptionNamingGroup.running
        yield from _commands(OptionNamingGroup.root_context.command)


def _commands(group: OptionNamingGroup) -> Iterator[Any]:
    """Yield all commands of a group and of its subgroups."""
    for name in group.list_commands(OptionNamingGroup.root_context):
        command = group.imported_command(name)
        yield command
        if isinstance(command, OptionNamingGroup):
            yield from _commands(command)
