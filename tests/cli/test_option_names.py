"""The library names settings; the command line alone calls them options."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tem_rf as package
from tem_rf.cli.app import app
from tem_rf.cli.on_use import with_all_commands
from tem_rf.cli.option_names import OptionNamingGroup, with_option_names
from tem_rf.config.training import training_settings
from tem_rf.errors import SettingsError
from tests.helpers.command import tem_rf

OTHER_PROGRAMS = re.compile(r"`dask scheduler .*")
MAKES_COMMAND_LINES = {"request.py"}  # the options that a request is written as


def options(command: Any) -> Iterator[str]:
    """Names of the options of a command and of those in it."""
    for parameter in command.params:
        yield from (option for option in (*parameter.opts, *parameter.secondary_opts) if option.startswith("--"))
    for inner in getattr(command, "commands", {}).values():
        yield from options(inner)


def below_the_command_line() -> list[Path]:
    root = Path(package.__file__).parent
    files = sorted(path for path in root.rglob("*.py") if path.relative_to(root).parts[0] != "cli")
    return [path for path in files if path.name not in MAKES_COMMAND_LINES]


def texts(source: str) -> Iterator[str]:
    """Messages and docstrings; an option alone is a word of a command that is started, such as `resume --evaluate`."""
    tree = ast.parse(source)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) in parts or not re.fullmatch(r"--[a-z0-9-]+(=\S+)?", node.value):
            yield OTHER_PROGRAMS.sub("", node.value)


def test_no_module_below_the_command_line_names_an_option() -> None:
    named = re.compile(rf"(?<![\w-])({'|'.join(sorted(set(options(with_all_commands(app))), key=len)[::-1])})\b")
    found = [
        f"{path.name}: {match[0]}"
        for path in below_the_command_line()
        for text in texts(path.read_text(encoding="utf-8"))
        for match in named.finditer(text)
    ]
    assert found == []


def test_every_group_of_commands_remembers_which_one_runs() -> None:
    root = with_all_commands(app)
    groups = [root, *(command for command in root.commands.values() if hasattr(command, "commands"))]
    assert {group.name for group in groups} >= {"data", "queue", "rf", "study"}
    assert all(isinstance(group, OptionNamingGroup) for group in groups)


def test_the_api_names_the_setting_and_the_command_line_its_option(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"^`early_stopping_patience`: .*received 0\.$"):
        training_settings(early_stopping_patience=0)
    refused = tem_rf(capfd, monkeypatch, "train", tmp_path, "--patience", "0")
    assert refused.stderr.startswith("tem-rf: --patience: ")
    assert refused.code == 2


@pytest.fixture
def in_segment(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As after `tem-rf segment`."""
    tem_rf(capfd, monkeypatch, "segment", tmp_path / "absent")


def test_a_setting_of_the_running_command_is_its_option(in_segment: Any) -> None:
    shown = with_option_names("`transforms` 9: give `output`, `pixel_size_nm` or `rescale`.")
    assert shown == "--test-time 9: give --output, --pixel-size-nm or --rescale."


def test_a_setting_of_another_command_is_the_option_of_that_one(in_segment: Any) -> None:
    assert with_option_names("prepare with `patch_size` 64") == "prepare with --patch-size 64"


def test_what_is_no_setting_is_quoted_and_a_command_stays(in_segment: Any) -> None:
    shown = with_option_names("needs `annotations`; go on with `tem-rf resume 'a run'`, see `scores.csv`")
    assert shown == "needs 'annotations'; go on with `tem-rf resume 'a run'`, see `scores.csv`"
