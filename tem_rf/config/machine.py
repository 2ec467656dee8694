"""What computes on this machine: TensorFlow, with or without XLA, or JAX. `tem-rf doctor` sets it."""

import json
import os
import platform
from pathlib import Path
from typing import Literal

from platformdirs import PlatformDirs

from tem_rf.errors import SettingsError

Choice = Literal["tensorflow", "tensorflow-without-xla", "jax"]
"""What computes on a machine."""
VARIABLES: dict[Choice, dict[str, str]] = {
    "tensorflow": {"KERAS_BACKEND": "tensorflow", "TEM_RF_XLA": "gpu"},
    "tensorflow-without-xla": {"KERAS_BACKEND": "tensorflow", "TEM_RF_XLA": "off"},
    "jax": {"KERAS_BACKEND": "jax"},
}
"""The environment variables that a choice sets."""


def settings_folder() -> Path:
    """The user's folder for settings; on Linux `~/.config/tem-rf`, or in `$XDG_CONFIG_HOME`.

    Raises:
        SettingsError: There is no home folder.
    """
    try:
        return PlatformDirs("tem-rf", appauthor=False).user_config_path
    except RuntimeError as error:
        raise SettingsError(
            "there is no home folder to store settings in; set HOME or XDG_CONFIG_HOME to a folder."
        ) from error


def machines_file() -> Path:
    """File with the choice of each machine, by host name.

    Raises:
        SettingsError: There is no home folder.
    """
    return settings_folder() / "machines.json"


def machine_choice() -> Choice | None:
    """What computes on this machine; None if nothing was chosen, or the file cannot be read."""
    return _read().get(platform.node())


def choose(use: Choice | None) -> Path:
    """Choose what computes on this machine; None returns to the default.

    Returns:
        The file that holds the choice.

    Raises:
        SettingsError: There is no home folder.
        StorageError: The file cannot be written.
    """
    file = machines_file()
    choices = {name: choice for name, choice in _read().items() if name != platform.node()}
    if use is not None:
        choices[platform.node()] = use
    from tem_rf.files import write_json  # not needed at every start

    write_json(file, choices)
    return file


def apply_choice() -> None:
    """Set the variables of this machine's choice in this process; those that the user has set keep their values."""
    if "KERAS_BACKEND" in os.environ or not (use := machine_choice()):
        return
    for name, value in VARIABLES[use].items():
        os.environ.setdefault(name, value)


def _read() -> dict[str, Choice]:
    try:
        content = json.loads(machines_file().read_bytes())
        return {name: use for name, use in content.items() if use in VARIABLES}
    except (OSError, ValueError, AttributeError, TypeError, SettingsError):  # the last without a home folder
        return {}
