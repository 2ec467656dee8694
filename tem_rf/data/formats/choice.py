"""Which of several arrays in a file is meant."""

from collections.abc import Sequence
from pathlib import Path

from tem_rf.data.formats.recording import IMAGE_NAMES, LABEL_NAMES, Wanted
from tem_rf.errors import ReadError

_MOST_NAMED = 8


def choose_name(path: Path, present: Sequence[str], wanted: Wanted) -> str:
    """The array that was asked for, the first of a usual name, or the only one there is.

    Args:
        path: The file, for the error.
        present: Names of the arrays, or their paths inside the file.
        wanted: What is looked for.

    Raises:
        ReadError: The array that was asked for is not there, or several are and none has a usual name.
    """
    if wanted.array is not None:
        found = [name for name in present if _is_called(name, wanted.array)]
        if len(found) == 1:
            return found[0]
        what = "no array" if not found else f"{len(found)} arrays"
        raise ReadError(f"{path}: holds {what} named {wanted.array}; it holds {listed(present)}.")
    for usual in wanted.names:
        found = [name for name in present if name == usual] or [name for name in present if _last(name) == usual]
        if len(found) == 1:
            return found[0]
    if len(present) == 1 and _last(present[0]) not in (*IMAGE_NAMES, *LABEL_NAMES):
        return present[0]
    if not present:
        raise ReadError(f"{path}: holds no arrays; expected one named {' or '.join(wanted.names)}.")
    raise ReadError(
        f"{path}: holds {listed(present)}; expected an array named {' or '.join(wanted.names)}, or say which one is "
        f"meant with `{wanted.setting}`."
    )


def listed(names: Sequence[str]) -> str:
    """Names in order, the first of many."""
    more = len(names) - _MOST_NAMED
    return (", ".join(sorted(names)[:_MOST_NAMED]) or "none") + (f" and {more} more" if more > 0 else "")


def _is_called(name: str, asked: str) -> bool:
    asked = asked.strip("/")
    return name == asked or _last(name) == asked or name.endswith(f"/{asked}")


def _last(name: str) -> str:
    return name.rpartition("/")[2]
