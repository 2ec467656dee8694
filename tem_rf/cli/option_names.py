"""Settings by the names they have on the command line: the library says `patch_size`, a terminal shows --patch-size."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from typer.core import TyperGroup

_SETTING = re.compile(r"`([a-z][a-z0-9_]*)`")


class OptionNamingGroup(TyperGroup):
    """A group of commands that remembers which of them runs; every group of `tem-rf` is one."""

    root_context: ClassVar[Any] = None
    running: ClassVar[Any] = None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is to run, and remember it."""
        found = super().resolve_command(ctx, args)
        OptionNamingGroup.root_context, OptionNamingGroup.running = ctx.find_root(), found[1]
        return found

    def imported_command(self, name: str) -> Any:
        """A command with all its options."""
        return self.commands[name]


def with_option_names(text: str) -> str:
    """Rewrite the settings that a message names in backticks as options.

    A setting that the running command has is shown as its option there; else it is shown as the option of the command
    that has it, as `patch_size` of `tem-rf prepare` in a message of `tem-rf train`. A name that is no option is left in
    plain quotes.
    """
    return _SETTING.sub(lambda found: _option(found[1]) or f"'{found[1]}'", text)


def _option(setting: str) -> str | None:
    """The option of a setting, or None."""
    for command in _commands_to_ask():
        for parameter in command.params:
            if parameter.name == setting and parameter.param_type_name == "option":
                return str(parameter.opts[0])
    return None


def _commands_to_ask() -> Iterator[Any]:
    """The running command, then all others."""
    if OptionNamingGroup.running is not None:
        yield OptionNamingGroup.running
        yield from _commands(OptionNamingGroup.root_context.command)


def _commands(group: OptionNamingGroup) -> Iterator[Any]:
    """All commands of a group, and of the groups in it."""
    for name in group.list_commands(OptionNamingGroup.root_context):
        command = group.imported_command(name)
        yield command
        if isinstance(command, OptionNamingGroup):
            yield from _commands(command)
