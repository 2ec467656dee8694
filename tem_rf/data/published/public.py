"""The published sets, by name, and their download from Zenodo."""

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
    """A set of images with labels that anyone can download.

    Attributes:
        name: What it is called here.
        title: What it shows.
        record: Number of the Zenodo record.
        files: Regular expression that finds its files among those of the record, whatever their case.
        pixel_size_nm: Side of a pixel [nm].
        outlier_threshold: Counts above the median that make an x-ray spike; None where the study removes none.
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
# Between the digits of 2.2 any separator may stand; no other digit may stand before the size.
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
    """Download a published set, or what is missing of it.

    Args:
        name: One of `PUBLISHED_SETS`.
        folder: Folder to put the files in.
        files: Names of files of the record, in place of those found by the size in their names.
        progress: Told the file and how many of its bytes are there.
        api: Address of Zenodo's API.

    Returns:
        The files.

    Raises:
        SettingsError: There is no set of this name.
        DatasetError: Zenodo cannot be reached, has no such files, or a file came with another checksum.
        StorageError: The disk is full.
    """
    if name not in PUBLISHED_SETS:
        raise SettingsError(f"{name!r} is no published set; choose one of {', '.join(PUBLISHED_SETS)}.")
    published = PUBLISHED_SETS[name]
    selected = _choose(published, _list_files(published.record, api), files)
    folder.mkdir(parents=True, exist_ok=True)
    _check_space(folder, selected)
    for remote in selected:
        tell = None if progress is None else (lambda done, remote=remote: progress(remote, done))
        download_file(remote.url, folder / remote.name, remote.checksum, size=remote.size, progress=tell)
    return [folder / remote.name for remote in selected]


def _list_files(record: int, api: str) -> list[RemoteFile]:
    """Names, checksums and addresses, as the record states them now: nothing about them is written down here."""
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
            f"{url}: lists no files in the way Zenodo does ({error!r}); download them by hand from "
            f"https://zenodo.org/records/{record}."
        ) from error


def _remote_file(entry: dict[str, Any]) -> RemoteFile:
    name = Path(entry["key"]).name  # never a path that leads out of the folder
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
            f"{', '.join(remote.name for remote in listed) or 'none'}: name the right ones with `file`."
        )
    return selected


def _check_space(folder: Path, selected: list[RemoteFile]) -> None:
    needed = sum(remote.size for remote in selected if not (folder / remote.name).exists())
    needed -= sum(part.stat().st_size for part in folder.glob("*.part"))
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{folder}: {needed / 1e6:.0f} MB are to come, {free / 1e6:.0f} MB are free; "
            "free some space or choose another folder with `out`."
        )
