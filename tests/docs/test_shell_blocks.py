"""What a reader pastes from README and docs works."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tem_rf.cli.app import app
from tem_rf.cli.on_use import with_all_commands
from tests.helpers.repository import ROOT
from tests.helpers.shell_blocks import Block, blocks

EXECUTED = ["README.md", "docs/tutorial.md"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_on_the_page_is_one_that_tem_rf_takes(page: Any) -> None:
    for block in blocks(page):
        for arguments in block.tem_rf_commands():
            parse(arguments)


@pytest.mark.parametrize("line", ["trian x", "study rnu x", "train", "train x --sede 1", "segment x --test-time many"])
def test_a_command_that_tem_rf_does_not_take_is_found(line: str) -> None:
    with pytest.raises(AssertionError):
        parse(line.split())


@pytest.mark.slow
@pytest.mark.timeout(1800)  # two trainings: two minutes on two idle cores
@pytest.mark.parametrize("page", EXECUTED)
def test_the_blocks_of_a_page_run_in_their_order(page: str, tmp_path: Path) -> None:
    for block in blocks(ROOT / page):
        if block.reason is None:
            run(block, tmp_path)


def test_only_what_installs_is_not_executed() -> None:
    assert [block.script.split()[0] for page in EXECUTED for block in blocks(ROOT / page) if block.reason] == ["make"]


def parse(arguments: list[str]) -> None:
    """Parse the arguments of `tem-rf`, without running anything.

    Raises:
        AssertionError: There is no such command, or it takes no such argument, option or value.
    """
    command, name, rest = with_all_commands(app), "tem-rf", list(arguments)
    while hasattr(command, "commands"):
        if not rest:
            return  # `tem-rf` alone opens the app
        name = rest.pop(0)
        if name not in command.commands and "show" in command.commands:  # `tem-rf rf NAME`
            name, rest = "show", [name, *rest]
        assert name in command.commands, f"tem-rf {' '.join(arguments)}: there is no command {name}"
        command = command.commands[name]
    try:
        command.make_context(name, rest)
    except Exception as error:  # Click's UsageError, which typer keeps in another place from version to version
        raise AssertionError(f"tem-rf {' '.join(arguments)}: {error}") from error


def run(block: Block, folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    bash = ["bash", "-euo", "pipefail", "-c", block.script]
    ended = subprocess.run(bash, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{block.script}\n{ended.stderr[-3000:]}"
