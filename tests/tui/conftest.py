"""A workspace of its own for each test of the app."""

from pathlib import Path

import pytest

from tests.helpers.steady_load import SteadyLoad


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or changes what the user's app remembers."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for variable in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(autouse=True)
def steady_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """The load of the machine of the tests is not drawn."""
    monkeypatch.setattr("tem_rf_tui.following.LoadReader", SteadyLoad)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty workspace."""
    path = tmp_path / "work"
    path.mkdir()
    return path
