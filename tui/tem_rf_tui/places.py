"""Paths of the app's own files, in the standard folders of the platform."""

from pathlib import Path

from platformdirs import PlatformDirs

_NAME = "tem-rf"


def state_file() -> Path:
    """File with the last datasets, screen and theme; on Linux in `~/.config/tem-rf` or `$XDG_CONFIG_HOME`."""
    return _folders().user_config_path / "tui.json"


def jobs_folder() -> Path:
    """Parent of the job folders; on Linux in `~/.local/state/tem-rf` or `$XDG_STATE_HOME`."""
    return _folders().user_state_path / "jobs"


def _folders() -> PlatformDirs:
    return PlatformDirs(_NAME, appauthor=False)
