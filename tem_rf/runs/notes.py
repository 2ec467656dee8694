"""The user's own note and tags of a run, in `notes.json` in its folder."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from tem_rf.errors import RunError
from tem_rf.files import parse_json, write_json
from tem_rf.runs.folder import RunFolder

_TAG = re.compile(r"[\w.+-]+")


@dataclass(frozen=True)
class RunNotes:
    """What the user wrote about a run.

    Attributes:
        note: Free text.
        tags: Words to filter by, sorted.
    """

    note: str = ""
    tags: tuple[str, ...] = ()


def read_notes(run: RunFolder) -> RunNotes:
    """Read note and tags; a run without the file has none.

    Raises:
        RunError: The file is damaged.
    """
    try:
        content = parse_json(run.notes_file.read_text(encoding="utf-8"))
        return RunNotes(str(content["note"]), tuple(map(str, content["tags"])))
    except (FileNotFoundError, NotADirectoryError):
        return RunNotes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{run.notes_file}: cannot be read ({error}); correct or remove it.") from error


def write_notes(run: RunFolder, *, note: str | None = None, tags: Collection[str] | None = None) -> RunNotes:
    """Replace note or tags of a run.

    Args:
        run: The run; it may be training.
        note: The new note; None leaves it as it is.
        tags: All its tags; None leaves them as they are.

    Raises:
        RunError: A tag is not one word, or the file is damaged.
        StorageError: The file cannot be written.
    """
    before = read_notes(run)
    for tag in tags or ():
        if not _TAG.fullmatch(tag):
            raise RunError(f"`tag`: expected one word of letters, digits and . _ + -, received {tag!r}.")
    notes = RunNotes(
        before.note if note is None else note.strip(), before.tags if tags is None else tuple(sorted(set(tags)))
    )
    write_json(run.notes_file, {"note": notes.note, "tags": [*notes.tags]})
    return notes
