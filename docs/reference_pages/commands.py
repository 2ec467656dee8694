"""The page of commands, generated from the app itself."""

from collections.abc import Iterator
from typing import Any

from docs.reference_pages.markdown import code, section, table

EXAMPLE = "Example: "


def commands_page(root: Any, program: str = "tem-rf") -> str:
    """Return the page: all commands of an app with their arguments and options.

    Args:
        root: The app as a Click group: `with_all_commands(app)`.
        program: Its name in a shell.
    """
    intro = (
        "Generated from the command line itself; `tem-rf COMMAND --help` prints the same text. Results go to stdout, "
        "progress to stderr; `--json` prints results for scripts. The exit code is 0 for success, 2 for a setting "
        "out of range, 128 + the signal number if a signal ended the training, and 1 for any other error."
    )
    return "\n\n".join(["# Commands", intro, *(_command(path, one) for path, one in commands(root, program))]) + "\n"


def commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the commands of a group, depth first, each with its full name: `tem-rf study run`."""
    for name in sorted(group.commands):
        command = group.commands[name]
        yield f"{path} {name}", command
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")


def _command(path: str, command: Any) -> str:
    arguments = [one for one in command.params if not _is_option(one)]
    options = [one for one in command.params if _is_option(one)]
    usage = " ".join([path, *map(_usage, arguments), *(["[OPTIONS]"] if options else [])])
    rows = [(code(_usage(one)), "required" if one.required else _default(one), one.help) for one in arguments]
    rows += [(code(", ".join(one.opts)), "required" if one.required else _default(one), one.help) for one in options]
    parts = [section(2, path), *_help(command.help or "")]
    if rows or not hasattr(command, "commands"):  # a group with options works without a command, too
        parts += [f"```text\n{usage}\n```", table(("argument or option", "default", "meaning"), rows)]
    return "\n\n".join(part for part in parts if part)


def _help(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; an example becomes a code block."""
    for paragraph in text.split("\n\n"):
        line = " ".join(paragraph.split())
        yield f"```text\n{line.removeprefix(EXAMPLE)}\n```" if line.startswith(EXAMPLE) else line


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))


def _usage(argument: Any) -> str:
    several = "..." if argument.nargs == -1 else ""
    name = f"{argument.name.upper()}{several}"
    return name if argument.required else f"[{name}]"


def _default(parameter: Any) -> str:
    if parameter.default is None or parameter.default is False:
        return ""
    return code(str(parameter.default))
