"""Help comes at once and says how each command is used."""

import subprocess
import sys
from typing import Any

import pytest
from rich.text import Text

from tem_rf.cli.app import app
from tem_rf.cli.on_use import with_all_commands

HEAVY = ("tensorflow", "keras", "jax", "numpy", "scipy", "skimage", "matplotlib", "tifffile", "h5py")


def commands(group: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """All commands by their names, with those of groups."""
    found: list[tuple[str, Any]] = []
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        found += commands(command, f"{prefix}{name} ") if inner else [(f"{prefix}{name}", command)]
    return found


COMMANDS = commands(with_all_commands(app))


def test_all_commands_are_looked_at() -> None:
    assert len(COMMANDS) > 35


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_shows_an_example_of_itself(name: str, command: Any) -> None:
    assert "Example: tem-rf" in command.help


@pytest.mark.parametrize(
    "module",
    ["tem_rf.cli.app", "tem_rf", "tem_rf.runs.view", "tem_rf.architecture", "tem_rf.evaluation", "tem_rf.metrics"],
)
def test_what_must_be_light_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; sys.exit(', '.join(name for name in {HEAVY!r} if name in sys.modules) or 0)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_no_unit_is_lost_in_the_help(name: str, command: Any) -> None:
    """Rich reads [nm] as markup and drops it, unless the bracket is escaped."""
    texts = [vars(parameter).get("help") or "" for parameter in command.params]
    assert [text for text in texts if Text.from_markup(text).plain != text.replace("\\[", "[")] == []
