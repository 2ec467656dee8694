"""Keys in the texts of the app: a hint names the binding, such as `{train.new}`, and shows the key of the settings."""

import re
from collections.abc import Mapping

from tem_rf_tui.key_names import USUAL_KEYS

NAME = re.compile(r"\{([a-z]+\.[a-z-]+)\}")
_SIGNS = {
    "question_mark": "?", "slash": "/",
    "less_than_sign": "<", "greater_than_sign": ">",
    "plus": "+", "minus": "-", "equals_sign": "=", "escape": "Esc",
    "ctrl+p": "Ctrl+P", "ctrl+s": "Ctrl+S",
    "ctrl+o": "Ctrl+O", "ctrl+b": "Ctrl+B", "f1": "F1", "space": "Space", "enter": "Enter", "ctrl+q": "Ctrl+Q",
    "left": "←", "right": "→", "up": "↑", "down": "↓", "full_stop": ".", "comma": ",",
    "left_square_bracket": "[", "right_square_bracket": "]", "delete": "Del", "ctrl+z": "Ctrl+Z", "ctrl+y": "Ctrl+Y",
    "shift+left": "Shift+←", "shift+right": "Shift+→", "shift+up": "Shift+↑", "shift+down": "Shift+↓",
    "pagedown": "PgDn", "pageup": "PgUp", "home": "Home", "end": "End", "backspace": "Backspace",
}  # fmt: skip


def with_keys(text: str, keymap: Mapping[str, str]) -> str:
    """Return a text in which each known name of a binding in braces is replaced by its key.

    Args:
        text: Such as `press {train.new}`.
        keymap: Keys by name, where the settings give others than the usual ones.

    >>> from tem_rf_tui.screens.data import DataScreen
    >>> with_keys("press {data.prepare} or {data.next}", {"data.prepare": "ctrl+s,f5"})
    'press Ctrl+S or .'
    """

    def key(found: re.Match[str]) -> str:
        keys = keymap.get(found[1]) or USUAL_KEYS.get(found[1])
        return key_sign(keys.split(",")[0]) if keys else found[0]

    return NAME.sub(key, text)


def key_sign(key: str) -> str:
    """Return a key as it is written on the keyboard.

    >>> key_sign("question_mark"), key_sign("N"), key_sign("f1"), key_sign("ctrl+n")
    ('?', 'N', 'F1', 'Ctrl+N')
    """
    if key in _SIGNS or len(key) == 1:
        return _SIGNS.get(key, key)
    return "+".join(part.capitalize() for part in key.split("+"))
