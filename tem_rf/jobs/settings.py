"""The user's own settings of `tem-rf`, in one file for the command line and the app."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tem_rf.config.machine import settings_folder
from tem_rf.config.marks import Commas
from tem_rf.errors import SettingsError, TemRfError
from tem_rf.files import write_text
from tem_rf.jobs.request import Request


def read_keys(value: Any) -> Any:
    """Read keys by name from text, or from tables of a settings file, which may be nested.

    >>> read_keys("train.new=N, app.quit=ctrl+q"), read_keys({"train": {"new": "N"}})
    ({'train.new': 'N', 'app.quit': 'ctrl+q'}, {'train.new': 'N'})
    """
    if isinstance(value, str):
        parts = [word.strip().partition("=") for word in value.split(",") if word.strip()]
        wrong = next((name for name, _, key in parts if not name or not key), None)
        if wrong is not None:
            raise ValueError(f"expected NAME=KEY, such as train.new=N, received {wrong!r}")
        return {name.strip(): key.strip() for name, _, key in parts}
    if not isinstance(value, Mapping):
        return value
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        is_table = isinstance(inner, Mapping)
        flat |= {f"{name}.{word}": key for word, key in read_keys(inner).items()} if is_table else {name: inner}
    return flat


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
    keys: Annotated[dict[str, str] | None, BeforeValidator(read_keys), Commas()] = Field(
        None, description="Other keys of the app, such as train.new=N: the screen, the word in the key line, the key."
    )


def settings_file() -> Path:
    """Return the file.

    Raises:
        SettingsError: There is no home folder.
    """
    return settings_folder() / "settings.toml"


def load_settings(path: Path | None = None) -> SettingsRequest:
    """Read the settings; those that the file does not contain have their defaults.

    Args:
        path: The file; None for the usual one. It need not exist.

    Raises:
        SettingsError: The file cannot be read, or contains an unknown setting or value; or there is no home folder.
    """
    path = path or settings_file()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
        return SettingsRequest.build(**given)
    except (FileNotFoundError, NotADirectoryError):
        return SettingsRequest.build()
    except TemRfError as error:
        reason = str(error).rstrip(".")
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, TypeError) as error:
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
