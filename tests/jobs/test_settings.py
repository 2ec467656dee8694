"""The user's own settings: one file for the command line and the app."""

from pathlib import Path

import pytest

from tem_rf.errors import SettingsError
from tem_rf.jobs.settings import load_settings, save_settings


def test_a_change_leaves_the_rest_of_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('# mine\ntheme = "textual-light"  # for the projector\n')
    assert save_settings({"bell": False}, path).theme == "textual-light"
    assert path.read_text() == '# mine\ntheme = "textual-light"  # for the projector\nbell = false\n'
    assert load_settings(path).bell is False
    save_settings({"theme": None}, path)
    assert load_settings(path).theme == "textual-dark"


@pytest.mark.parametrize(
    ("text", "said"),
    [("theme =", "cannot be read"), ('theme = "pink"', "`theme`: input should be"), ("bells = true", "`bells`")],
)
def test_a_wrong_file_is_said_in_one_line_and_kept(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said) as error:
        save_settings({"bell": False}, path)
    assert str(error.value).startswith(f"{path}: ")
    assert path.read_text() == text


def test_keys_are_written_as_names_and_read_from_tables_too(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    assert save_settings({"keys": {"train.new": "N"}}, path).keys == {"train.new": "N"}
    path.write_text('[keys.train]\nnew = "N"\n[keys]\n"app.quit" = "ctrl+q"\n')
    assert load_settings(path).keys == {"train.new": "N", "app.quit": "ctrl+q"}
    path.write_text("keys = 3\n")
    with pytest.raises(SettingsError, match="`keys`"):
        load_settings(path)
