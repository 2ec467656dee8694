"""Where the app keeps what is its own, in the folders that the platform has for it; every path of it stands here."""

from pathlib import Path

from platformdirs import PlatformDirs

_NAME = "tem-rf"


def state_file() -> Path:
    """The last datasets, screen and theme; on Linux in `~/.config/tem-rf` or below `$XDG_CONFIG_HOME`."""
    return _folders().user_config_path / "tui.json"


def jobs_folder() -> Path:
    """A folder for each command that was started; on Linux in `~/.local/state/tem-rf` or below `$XDG_STATE_HOME`."""
    return _folders().user_state_path / "jobs"


def _folders() -> PlatformDirs:
    return PlatformDirs(_NAME, appauthor=False)
