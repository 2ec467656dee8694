"""Names of keys, such as `train.new`, by which the settings give an action another key."""

import difflib
import string
from collections.abc import Iterable, Mapping
from dataclasses import replace

from textual.binding import Binding, BindingType
from textual.keys import Keys

EVERYWHERE = ("app", "table")
"""Places whose keys also work on the six screens."""

SCREEN_PLACES = ("data", "network", "train", "search", "results", "segment")
_MODIFIERS = ("ctrl", "shift", "alt", "meta", "super")
_KNOWN_KEYS = {key.value for key in Keys}


USUAL_KEYS: dict[str, str] = {}
"""The usual keys by name, of the screens that are imported."""


def named(place: str, *bindings: Binding) -> list[BindingType]:
    """Name bindings by their place and their words in the key line.

    >>> [each.id for each in named("train", Binding("L", "read_log", "Read log"))]
    ['train.read-log']
    """
    known = {f"{place}.{each.description.lower().replace(' ', '-')}": each for each in bindings}
    USUAL_KEYS.update({name: each.key for name, each in known.items()})
    return [replace(each, id=name) for name, each in known.items()]


def check_keys(wanted: Mapping[str, str], bindings: Iterable[BindingType]) -> tuple[dict[str, str], list[str]]:
    """Return the keys that can be used, and what is wrong with the others.

    Args:
        wanted: Keys by the name of the binding; several keys are separated by spaces.
        bindings: All bindings; those without a name keep their keys.

    >>> known = named("train", Binding("n", "new", "New"), Binding("s", "stop", "Stop"))
    >>> check_keys({"train.new": "N", "train.stop": "ctlr+s"}, known)
    ({'train.new': 'N'}, ['train.stop: there is no key ctlr+s'])
    """
    usual = {each.id: each.key.split(",") for each in bindings if isinstance(each, Binding) and each.id}
    keymap: dict[str, str] = {}
    problems = []
    for name, keys in wanted.items():
        unknown = [key for key in keys.split() if not _is_key(key)]
        if name not in usual:
            near = difflib.get_close_matches(name, usual, n=1)
            problems.append(f"{name}: no such name" + (f"; did you mean {near[0]}?" if near else ""))
        elif unknown or not keys.split():
            problems.append(f"{name}: there is no key {unknown[0]}" if unknown else f"{name}: no key is given")
        elif others := _clashes(name, keys.split(), usual | {name: keys.split() for name, keys in wanted.items()}):
            problems.append(f"{name}: {keys} is already the key of {others[0]}")
        else:
            keymap[name] = ",".join(keys.split())
    return keymap, problems


def remapped(bindings: Iterable[BindingType], keymap: Mapping[str, str]) -> list[Binding]:
    """Return bindings with the keys that the settings give them."""
    return [
        replace(each, key=keymap[each.id], key_display=None) if each.id and each.id in keymap else each
        for each in bindings
        if isinstance(each, Binding)
    ]


def _clashes(name: str, keys: list[str], used: Mapping[str, list[str]]) -> list[str]:
    """Return the other names that have one of these keys where this one works."""
    places = _shared_places(name.partition(".")[0])
    wanted = set(map(_full_name, keys))
    others = {other: set(map(_full_name, each)) for other, each in used.items() if other != name}
    return [other for other, each in others.items() if each & wanted and other.partition(".")[0] in places]


def _shared_places(place: str) -> tuple[str, ...]:
    if place in SCREEN_PLACES:
        return (place, *EVERYWHERE)
    return (*EVERYWHERE, *SCREEN_PLACES) if place in EVERYWHERE else (place,)


def _full_name(key: str) -> str:
    """Return the long name of a key.

    >>> _full_name("?"), _full_name("N"), _full_name("pageup")
    ('question_mark', 'N', 'pageup')
    """
    return next(iter(Binding.make_bindings([Binding(key.replace(",", "comma"), "", "")]))).key


_SIGN_NAMES = set(map(_full_name, string.punctuation))


def _is_key(key: str) -> bool:
    """Whether a terminal can send a key of this name.

    >>> [_is_key(key) for key in ("N", "?", "ctrl+n", "f5", "question_mark", "pagedwn")]
    [True, True, True, True, True, False]
    """
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    is_known = len(last) == 1 or last in _KNOWN_KEYS or last in _SIGN_NAMES
    return is_known and all(each in _MODIFIERS for each in modifiers)
