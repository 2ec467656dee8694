"""tem-rf works where macOS or Windows lack what Linux has, and says what is not supported."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tem_rf import platforms
from tem_rf.cli import main
from tem_rf.locks import lock
from tem_rf.platforms import end_session, usable_cores
from tests.helpers import without_posix
from tests.helpers.repository import ROOT

SHORT = ["tests/test_files.py", "tests/runs"]
LIGHT = [
    *("tests/test_files.py", "tests/runs", "tests/architecture", "tests/data", "tests/particles", "tests/metrics"),
    *("tests/baselines", "tests/plots", "tests/jobs/test_requests.py", "tests/cli/rf", "tests/cli/test_prepare.py"),
]
KNOWS_LINUX = {"tem_rf/platforms.py", "tem_rf/study/execution/bound_process.py"}


@pytest.mark.timeout(1800)  # the light part takes minutes
@pytest.mark.parametrize("paths", [SHORT, pytest.param(LIGHT, marks=pytest.mark.slow)], ids=["short", "light part"])
def test_the_tests_pass_without_what_macos_or_windows_lack(paths: list[str], tmp_path: Path) -> None:
    options = ["-p", "tests.helpers.without_posix", "-p", "no:cacheprovider", "-n", "0", "--basetemp"]
    markers = "not slow and not gpu and not online and not release and not reference"
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path / "in"), "-m", markers, *paths]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_only_one_module_knows_what_systems_do_differently() -> None:
    files = [path.relative_to(ROOT) for top in ("tem_rf", "tui") for path in (ROOT / top).rglob("*.py")]
    users = {path.as_posix(): names for path in files if (names := names_of_linux(ROOT / path))}
    assert "tem_rf/platforms.py" in users
    assert {path: names for path, names in users.items() if path not in KNOWS_LINUX} == {}


def names_of_linux(path: Path) -> list[str]:
    """What a module uses that macOS or Windows lack: attributes anywhere, imports at its top."""
    text = path.read_text(encoding="utf-8")
    if not any(name in text for name in (*without_posix.IN_OS, *without_posix.IN_SIGNAL, *without_posix.MODULES)):
        return []
    tree = ast.parse(text)
    lacking = {"os": without_posix.IN_OS, "signal": without_posix.IN_SIGNAL}
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    imported = [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    return [
        *(each.attr for each in attributes if each.attr in lacking.get(getattr(each.value, "id", ""), ())),
        *(name for name in imported if name in without_posix.MODULES),
    ]


def test_cores_are_counted_where_the_system_has_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3}, raising=False)
    assert usable_cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cores() == os.cpu_count()


@pytest.mark.parametrize("has_sessions", [platforms.HAS_SESSIONS, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_session_ends_with_its_children(at_once: bool, has_sessions: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "HAS_SESSIONS", has_sessions)
    command = "sleep 60 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True, start_new_session=True) as leader:
        child = psutil.Process(int(leader.stdout.readline()))
        end_session(leader.pid, at_once=at_once)
        assert leader.wait(10) != 0
        child.wait(10)
    with pytest.raises(ProcessLookupError):
        end_session(leader.pid, at_once=at_once)


def test_a_session_that_has_ended_but_is_not_waited_for_is_gone_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(platforms, "HAS_SESSIONS", True)
    monkeypatch.setattr(os, "killpg", refuse, raising=False)
    with pytest.raises(ProcessLookupError):
        end_session(1, at_once=False)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_child_that_ended_meanwhile_spares_nobody(at_once: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "HAS_SESSIONS", False)
    with subprocess.Popen(["true"]) as gone:
        ended = psutil.Process(gone.pid)
    with (
        subprocess.Popen(["sleep", "60"]) as leader,
        subprocess.Popen(["sleep", "60"]) as child,
    ):
        children = [ended, psutil.Process(child.pid)]
        monkeypatch.setattr(psutil.Process, "children", lambda self, recursive: children)
        end_session(leader.pid, at_once=at_once)
        assert leader.wait(10) < 0
        assert child.wait(10) < 0


def test_windows_is_told_at_the_start_to_use_wsl2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platforms, "notice_on_start", lambda: platforms.NOTICES["win32"])
    monkeypatch.setattr(sys, "argv", ["tem-rf", "rf", "n2-p22"])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert ended.value.code in (0, None)
    assert "n2-p22" in shown.out
    assert [line for line in shown.err.splitlines() if "Windows is not supported" in line and "WSL2" in line]


def test_a_shared_lock_excludes_an_exclusive_one_and_needs_no_write_permission(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch(mode=0o400)
    with path.open("rb") as first, path.open("rb") as second, path.open("rb") as third:
        assert lock(first, is_shared=True)
        assert lock(second, is_shared=True)
        assert not lock(third)
