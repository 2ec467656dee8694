"""Runs the command line in this process, as a shell would see it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tem_rf.cli import main


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    stdout: str
    stderr: str


Command = Callable[..., Result]
"""`tem_rf` with its fixtures given: arguments in, result out."""


def tem_rf(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Result:
    """Run `tem-rf ARGUMENTS`."""
    monkeypatch.setattr("sys.argv", ["tem-rf", *map(str, arguments)])
    capfd.readouterr()
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    printed = capfd.readouterr()
    return Result(code, printed.out, printed.err)
