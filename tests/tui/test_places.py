"""The app keeps what is its own where the platform wants it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tem_rf_tui import places

_AS_ON = "import sys; sys.platform = {platform!r}; from tem_rf_tui import places; print(places.{place}())"


@pytest.mark.parametrize(
    ("platform", "place", "expected"),
    [
        ("linux", "state_file", ".config/tem-rf/tui.json"),
        ("linux", "jobs_folder", ".local/state/tem-rf/jobs"),
        ("darwin", "state_file", "Library/Application Support/tem-rf/tui.json"),
        ("darwin", "jobs_folder", "Library/Application Support/tem-rf/jobs"),
    ],
)
def test_each_platform_has_its_place(tmp_path: Path, platform: Any, place: Any, expected: Any) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    done = subprocess.run(
        [sys.executable, "-c", _AS_ON.format(platform=platform, place=place)],
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / expected)


def test_the_folders_that_the_user_names_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "b"))
    assert places.state_file() == tmp_path / "a" / "tem-rf" / "tui.json"
    assert places.jobs_folder() == tmp_path / "b" / "tem-rf" / "jobs"


def test_a_place_that_may_not_be_written_to_is_not_made_by_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "absent"))
    places.jobs_folder()
    assert not Path(tmp_path / "absent").exists()
