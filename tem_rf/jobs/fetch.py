"""Fetch a published dataset."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tem_rf.config.marks import ADVANCED, Choices, Flags, Positional
from tem_rf.data.published.public import PUBLISHED_SETS, ZENODO, RemoteFile, fetch_published
from tem_rf.jobs.request import Request


class FetchRequest(Request):
    """A published dataset to fetch."""

    command = ("data", "fetch")

    name: Annotated[str, Positional(), Choices(tuple(PUBLISHED_SETS))] = Field(
        next(iter(PUBLISHED_SETS)), description="Published dataset."
    )
    out: Path = Field(Path("data"), description="Parent folder; the dataset is written to a subfolder of its name.")
    files: Annotated[tuple[str, ...], Flags("file"), ADVANCED] = Field(
        (),
        description="File of the Zenodo record to fetch, if file names do not contain the particle size; may be "
        "repeated.",
    )
    api: Annotated[str, ADVANCED] = Field(ZENODO, description="Address of Zenodo's API.")


def fetch(request: FetchRequest, *, progress: Callable[[RemoteFile, int], None] | None = None) -> list[Path]:
    """Fetch a published dataset, or the part of it that is missing.

    Args:
        request: Dataset to fetch.
        progress: Called with a file and the number of its bytes that have been fetched.

    Raises:
        SettingsError: There is no such dataset.
        DatasetError: Zenodo cannot be reached, has no such files, or a file has the wrong checksum.
        StorageError: The disk is full.
    """
    folder = request.out / request.name
    return fetch_published(request.name, folder, files=request.files, progress=progress, api=request.api)
