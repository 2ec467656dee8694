"""The user's own settings of `tem-rf`, in one file for the command line and the app."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from platformdirs import PlatformDirs
from pydantic import Field

from tem_rf.errors import SettingsError, TemRfError
from tem_rf.files import write_text
from tem_rf.jobs.request import Request


class SettingsRequest(Request):
    """How the app looks and reports; a setting that is not given keeps its value."""

    command = ("settings",)

    theme: Literal["textual-dark", "textual-light", "high-contrast"] = Field(
        "textual-dark", description="Colours of the app."
    )
    images: Literal["auto", "blocks", "kitty", "sixel"] = Field(
        "auto", description="How pictures are drawn: auto takes the best that the terminal supports."
    )
    bell: bool = Field(True, description="Ring the bell of the terminal when a run, study or job ends.")
    notifications: bool = Field(
        True, description="Also ask the terminal for a desktop notification (OSC 9 and OSC 777)."
    )
    folder: Path | None = Field(None, description="Working folder that the app opens if none is given.")


def settings_file() -> Path:
    """Return the file; on Linux in `~/.config/tem-rf` or `$XDG_CONFIG_HOME`."""
    return PlatformDirs("tem-rf", appauthor=False).user_config_path / "settings.toml"


def load_settings(path: Path | None = None) -> SettingsRequest:
    """Read the settings; those that the file does not contain have their defaults.

    Args:
        path: The file; None for the usual one. It need not exist.

    Raises:
        SettingsError: The file cannot be read, or contains an unknown setting or value.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = path or settings_file()
    try:
        given = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
        return SettingsRequest.build(**given)
    except (FileNotFoundError, NotADirectoryError):
        return SettingsRequest.build()
    except TemRfError as error:
        reason = str(error).rstrip(".")
    except (OSError, UnicodeError, TOMLKitError, TypeError) as error:
        reason = f"cannot be read ({error})"
    raise SettingsError(f"{path}: {reason}; correct the file, or remove it to use the defaults.")


def save_settings(changes: Mapping[str, Any], path: Path | None = None) -> SettingsRequest:
    """Change settings; everything else in the file stays, comments too.

    Args:
        changes: New values, by name; None removes a setting.
        path: The file; None for the usual one.

    Raises:
        SettingsError: A value is invalid, or the file cannot be read.
        StorageError: The file cannot be written.
    """
    import tomlkit

    path = path or settings_file()
    before = load_settings(path)
    SettingsRequest.build(
        **{**before.changes(), **{name: value for name, value in changes.items() if value is not None}}
    )
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    if not path.exists():
        document.add(tomlkit.comment("Settings of tem-rf; `tem-rf settings` explains them."))
    for name, value in changes.items():
        if value is None:
            document.pop(name, None)
        else:
            document[name] = str(value) if isinstance(value, Path) else value
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, tomlkit.dumps(document))
    return load_settings(path)
