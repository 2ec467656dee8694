"""`tem-rf doctor` says what a machine lacks, and fails where that is needed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tem_rf.cli import machine
from tem_rf.config.machine import machine_choice
from tem_rf_tui.terminal_size import MIN_COLUMNS, MIN_LINES
from tests.helpers.command import tem_rf


@pytest.fixture
def doctor(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, dict[str, dict[str, Any]]]]:
    """Run it; its exit code, and its findings by name."""
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def run(*arguments: Any) -> tuple[int, dict[str, dict[str, Any]]]:
        result = tem_rf(capfd, monkeypatch, "doctor", tmp_path, "--json", "--quick", *arguments)
        findings = {finding["name"]: finding for finding in json.loads(result.stdout)["findings"]}
        return result.code, findings

    return run


def test_a_whole_installation_is_in_order(doctor: Callable[..., tuple[int, dict[str, dict[str, Any]]]]) -> None:
    code, findings = doctor()
    assert code == 0
    assert {findings[name]["state"] for name in ("Python", "packages", "backend", "disk")} == {"ok"}
    assert "flock works in" in findings["locks"]["found"]


def test_it_is_quick_since_it_leaves_the_backend_alone_unless_asked() -> None:
    code = (
        "import sys, pathlib; from tem_rf.cli.machine import look_at; list(look_at(pathlib.Path(), None)); "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras', 'jax', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_people_get_a_line_for_each(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = tem_rf(capfd, monkeypatch, "doctor", tmp_path / "to" / "come", "--quick")
    assert result.code == 0
    assert any(line.startswith("ok     packages") for line in result.stdout.splitlines())


def test_a_package_that_is_missing_or_too_old_breaks_it(
    doctor: Callable[..., tuple[int, dict[str, dict[str, Any]]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    requires = ["numpy>=999", "no-such-package", 'also-none; extra == "movies"']
    monkeypatch.setattr(machine.metadata, "requires", lambda package: requires)
    code, findings = doctor()
    assert code == 1
    assert findings["packages"]["state"] == "broken"
    assert "numpy>=999 is required" in findings["packages"]["found"]
    assert "no-such-package is required, none is installed" in findings["packages"]["found"]
    assert findings["extra movies"]["state"] == "note"
    assert "pip install 'tem-rf[movies]'" in findings["extra movies"]["advice"]


def test_a_backend_that_tem_rf_cannot_use_breaks_it(
    doctor: Callable[..., tuple[int, dict[str, dict[str, Any]]]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_text('{"backend": "torch"}')
    code, findings = doctor()
    assert (code, findings["backend"]["found"]) == (1, "Keras is set to torch")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert doctor()[0] == 0


@pytest.mark.parametrize(
    ("flock", "words"), [(lambda *_: True, "flock has no effect"), (None, "flock fails in")], ids=["in vain", "refused"]
)
def test_a_folder_whose_locks_do_not_work_breaks_it(
    doctor: Callable[..., tuple[int, dict[str, dict[str, Any]]]],
    monkeypatch: pytest.MonkeyPatch,
    flock: Callable[..., Any] | None,
    words: str,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(machine, "lock", flock or refuse)
    code, findings = doctor()
    assert (code, findings["locks"]["state"]) == (1, "broken")
    assert words in findings["locks"]["found"]


def test_a_full_disk_breaks_it(
    doctor: Callable[..., tuple[int, dict[str, dict[str, Any]]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "MIN_FREE_GB", 1e9)
    code, findings = doctor()
    assert (code, findings["disk"]["state"]) == (1, "broken")


def test_a_machine_can_be_set_to_another_backend(
    doctor: Callable[..., tuple[int, dict[str, dict[str, Any]]]],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TEM_RF_XLA", raising=False)
    assert tem_rf(capfd, monkeypatch, "doctor", "--use", "tensorflow-without-xla").code == 0
    code, findings = doctor()
    assert (code, os.environ["TEM_RF_XLA"]) == (0, "off")
    assert "set to tensorflow-without-xla" in findings["backend"]["found"]
    assert tem_rf(capfd, monkeypatch, "doctor", "--use", "default").code == 0
    assert machine_choice() is None
    monkeypatch.delenv("TEM_RF_XLA")  # which the command has set in this process


def test_without_a_home_folder_it_works_and_sets_nothing(
    doctor: Callable[..., tuple[int, dict[str, dict[str, Any]]]],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_home(path: str) -> str:
        return path

    for name in ("HOME", "XDG_CONFIG_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", no_home)
    assert doctor()[0] == 0
    result = tem_rf(capfd, monkeypatch, "doctor", "--use", "jax")
    assert result.code == 2
    assert "there is no home folder to store settings in; set HOME" in result.stderr
    for command in (["settings"], ["settings", "--no-bell"]):
        result = tem_rf(capfd, monkeypatch, *command)
        assert (result.code, result.stderr.count("\n")) == (2, 1)
        assert "there is no home folder to store settings in; set HOME" in result.stderr


@pytest.mark.parametrize(("lines", "is_told"), [(MIN_LINES - 1, True), (MIN_LINES, False)])
def test_the_smallest_terminal_is_that_of_the_app(monkeypatch: pytest.MonkeyPatch, lines: int, is_told: bool) -> None:
    for name, value in (("COLUMNS", str(MIN_COLUMNS)), ("LINES", str(lines)), ("COLORTERM", "truecolor")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    findings = {finding.name: finding for finding in machine.look_at(Path(), None)}
    assert f"{MIN_COLUMNS} x {lines}" in findings["terminal"].found
    assert (f"needs at least {MIN_COLUMNS} x {MIN_LINES}" in findings["terminal"].advice) == is_told
