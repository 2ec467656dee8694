"""The published datasets by name, fetched from Zenodo."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tem_rf.data.published.download import download_file
from tem_rf.errors import DatasetError, SettingsError, StorageError

ZENODO = "https://zenodo.org/api"
_TIMEOUT_S = 30


@dataclass(frozen=True)
class PublishedSet:
    """A set of labelled images that is publicly available.

    Attributes:
        name: Its name in this program.
        title: Description of the images.
        record: Number of the Zenodo record.
        files: Regular expression for the names of its files in the record, ignoring case.
        pixel_size_nm: Pixel size [nm].
        outlier_threshold: Counts above the median that make an x-ray outlier; None if the study removes none.
        source: Publication.
    """

    name: str
    title: str
    record: int
    files: str
    pixel_size_nm: float
    outlier_threshold: float | None
    source: str


_SYTWU = "Sytwu et al. 2022, doi:10.1017/S1431927622012466"
_GROSCHNER = "Groschner et al. 2021, doi:10.1017/S1431927621000386"
# The digits of 2.2 may have any separator between them, but no other digit before them.
PUBLISHED_SETS = {
    published.name: published
    for published in (
        PublishedSet("au-2.2nm", "Au, 2.2 nm, HRTEM", 6419024, r"(?<!\d)2[^0-9a-z]?p?2[ _-]?nm", 0.02, 1500, _SYTWU),
        PublishedSet("au-5nm", "Au, 5 nm, HRTEM", 6419024, r"(?<![\d.])5[ _-]?nm", 0.02, 1500, _SYTWU),
        PublishedSet("au-10nm", "Au, 10 nm, HRTEM", 6419024, r"(?<![\d.])10[ _-]?nm", 0.02, 1500, _SYTWU),
        PublishedSet("au-20nm", "Au, 20 nm, low magnification", 6419024, r"(?<![\d.])20[ _-]?nm", 0.1243, 400, _SYTWU),
        PublishedSet("groschner-2021", "Au and CdSe, HRTEM", 3755011, r"\.(h5|hdf5)$", 0.02152, None, _GROSCHNER),
    )
}


@dataclass(frozen=True)
class RemoteFile:
    """A file of a Zenodo record."""

    name: str
    url: str
    size: int
    checksum: str


def fetch_published(
    name: str,
    folder: Path,
    *,
    files: tuple[str, ...] = (),
    progress: Callable[[RemoteFile, int], None] | None = None,
    api: str = ZENODO,
) -> list[Path]:
    """Fetch a published set, or the files that are missing.

    Args:
        name: One of `PUBLISHED_SETS`.
        folder: Folder for the files.
        files: Names of files in the record, instead of those found by the size in their names.
        progress: Called with the file and the number of bytes fetched.
        api: Address of Zenodo's API.

    Returns:
        The files.

    Raises:
        SettingsError: There is no set of this name.
        DatasetError: Zenodo cannot be reached, has no such files, or a file has another checksum.
        StorageError: The disk is full.
    """
    if name not in PUBLISHED_SETS:
        raise SettingsError(f"{name!r} is not a published set; choose one of {', '.join(PUBLISHED_SETS)}.")
    published = PUBLISHED_SETS[name]
    selected = _choose(published, _list_files(published.record, api), files)
    folder.mkdir(parents=True, exist_ok=True)
    _check_space(folder, selected)
    for remote in selected:
        tell = None if progress is None else (lambda done, remote=remote: progress(remote, done))
        download_file(remote.url, folder / remote.name, remote.checksum, size=remote.size, progress=tell)
    return [folder / remote.name for remote in selected]


def _list_files(record: int, api: str) -> list[RemoteFile]:
    """Current names, checksums and addresses from the record; none of them are stored in this program."""
    import requests

    url = f"{api}/records/{record}"
    try:
        response = requests.get(url, timeout=_TIMEOUT_S)
        response.raise_for_status()
        return [_remote_file(entry) for entry in response.json()["files"]]
    except requests.RequestException as error:
        reason = error if isinstance(error, requests.HTTPError) else type(error).__name__
        raise DatasetError(f"{url}: cannot be reached ({reason}); check the network and run this again.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{url}: does not list files in Zenodo's format ({error!r}); download them by hand from "
            f"https://zenodo.org/records/{record}."
        ) from error


def _remote_file(entry: dict[str, Any]) -> RemoteFile:
    name = Path(entry["key"]).name  # never a path outside the folder
    return RemoteFile(name, entry["links"]["self"], int(entry["size"]), entry["checksum"])


def _choose(published: PublishedSet, listed: list[RemoteFile], files: tuple[str, ...]) -> list[RemoteFile]:
    if files:
        selected = [remote for remote in listed if remote.name in files]
        missing = sorted(set(files) - {remote.name for remote in selected})
    else:
        selected = [remote for remote in listed if re.search(published.files, remote.name, re.IGNORECASE)]
        missing = [] if selected else [f"a name with {published.name.rpartition('-')[2]}"]
    if missing:
        raise DatasetError(
            f"record {published.record}: has no file {', '.join(missing)}; it has "
            f"{', '.join(remote.name for remote in listed) or 'none'}: select the right ones with `file`."
        )
    return selected


def _check_space(folder: Path, selected: list[RemoteFile]) -> None:
    needed = sum(remote.size for remote in selected if not (folder / remote.name).exists())
    needed -= sum(part.stat().st_size for part in folder.glob("*.part"))
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{folder}: {needed / 1e6:.0f} MB to fetch, but only {free / 1e6:.0f} MB are free; "
            "free some space or choose another folder with `out`."
        )
