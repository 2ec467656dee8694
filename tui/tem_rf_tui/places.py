"""Paths of the app's own files, in the standard folders of the platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import PlatformDirs

from tem_rf.errors import SettingsError

_NAME = "tem-rf"


def state_file() -> Path:
    """File with the last datasets and screen; on Linux in `~/.config/tem-rf` or `$XDG_CONFIG_HOME`."""
    with _home_required():
        return _folders().user_config_path / "tui.json"


def jobs_folder() -> Path:
    """Parent of the job folders; on Linux in `~/.local/state/tem-rf` or `$XDG_STATE_HOME`."""
    with _home_required():
        return _folders().user_state_path / "jobs"


@contextmanager
def _home_required() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise SettingsError(
            "the app has no home folder for its files; set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME, to a folder."
        ) from error


def _folders() -> PlatformDirs:
    return PlatformDirs(_NAME, appauthor=False)
