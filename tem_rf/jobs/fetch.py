"""Download a published dataset."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tem_rf.config.marks import ADVANCED, Choices, Flags, Positional
from tem_rf.data.published.public import PUBLISHED_SETS, ZENODO, RemoteFile, fetch_published
from tem_rf.jobs.request import Request


class FetchRequest(Request):
    """A published set to download."""

    command = ("data", "fetch")

    name: Annotated[str, Positional(), Choices(tuple(PUBLISHED_SETS))] = Field(
        next(iter(PUBLISHED_SETS)), description="Published set."
    )
    out: Path = Field(Path("data"), description="Folder to put it in; its name is added.")
    files: Annotated[tuple[str, ...], Flags("file"), ADVANCED] = Field(
        (), description="Files of the record, if their names do not contain the particle size; may be repeated."
    )
    api: Annotated[str, ADVANCED] = Field(ZENODO, description="Address of Zenodo's API.")


def fetch(request: FetchRequest, *, progress: Callable[[RemoteFile, int], None] | None = None) -> list[Path]:
    """Download a published set, or what is missing of it.

    Args:
        request: Which set.
        progress: Called with a file and the number of its bytes that have been downloaded.

    Raises:
        SettingsError: There is no such set.
        DatasetError: Zenodo cannot be reached, has no such files, or a file has the wrong checksum.
        StorageError: The disk is full.
    """
    folder = request.out / request.name
    return fetch_published(request.name, folder, files=request.files, progress=progress, api=request.api)
