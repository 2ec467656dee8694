"""Help comes at once and says how each command is used."""

import subprocess
import sys
from typing import Any

import pytest
import typer

from tem_rf.cli.app import app

HEAVY = ("tensorflow", "keras", "jax", "numpy", "scipy", "skimage", "matplotlib", "tifffile", "h5py")


def commands(group: typer.Typer, prefix: str = "") -> list[tuple[str, str]]:
    """Names and help texts of all commands, with those of groups."""
    found = [
        (f"{prefix}{command.name or command.callback.__name__}", command.help or command.callback.__doc__ or "")
        for command in group.registered_commands
    ]
    for inner in group.registered_groups:
        found += commands(inner.typer_instance, f"{prefix}{inner.name} ")
    return found


@pytest.mark.parametrize(("name", "text"), commands(app))
def test_every_command_shows_an_example_of_itself(name: Any, text: Any) -> None:
    assert "Example: tem-rf" in text


@pytest.mark.parametrize(
    "module",
    ["tem_rf.cli.app", "tem_rf", "tem_rf.runs.view", "tem_rf.architecture", "tem_rf.evaluation", "tem_rf.metrics"],
)
def test_what_must_be_light_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; sys.exit(', '.join(name for name in {HEAVY!r} if name in sys.modules) or 0)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.callback.__name__)
def test_no_unit_is_lost_in_the_help(command: Any) -> None:
    """Rich reads [nm] as markup and drops it, so units stand in words."""
    texts = [vars(parameter).get("help") or "" for parameter in typer.main.get_command_from_info(
        command, pretty_exceptions_short=True, rich_markup_mode="rich"
    ).params]  # fmt: skip
    assert [text for text in texts if "[" in text] == []
