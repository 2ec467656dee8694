"""Where the app keeps what is its own; every path of it stands here."""

import os
from pathlib import Path


def state_file() -> Path:
    """The last datasets, screen and theme."""
    return _base("XDG_CONFIG_HOME", ".config") / "tui.json"


def jobs_folder() -> Path:
    """A folder for each command that the app started."""
    return _base("XDG_STATE_HOME", ".local/state") / "jobs"


def _base(variable: str, default: str) -> Path:
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / default) / "tem-rf"
