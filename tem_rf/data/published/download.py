"""Download a file: verified, with progress, and resumed after a broken connection."""

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tem_rf.errors import DatasetError, StorageError

Progress = Callable[[int], None]

_CHUNK_BYTES = 2**16  # at most this much is lost when a connection breaks
_TIMEOUT_S = (15, 60)
_FRUITLESS_ATTEMPTS = 5


def download_file(
    url: str, path: Path, checksum: str, *, size: int, progress: Progress | None = None, pause_s: float = 2.0
) -> None:
    """Download a file through pooch, unless it is there already with the right checksum.

    Args:
        url: Address of the file.
        path: File to write; partial downloads are kept beside it, as NAME.part.
        checksum: For example `md5:0123...`.
        size: Size of the complete file [bytes].
        progress: Called with the number of bytes downloaded.
        pause_s: Wait before another attempt [s]; doubles after each attempt without data.

    Raises:
        DatasetError: The server cannot be reached, or the file has another checksum.
        StorageError: The disk is full.
    """
    import pooch

    pooch.get_logger().setLevel("ERROR")
    downloader = _Resuming(path.with_name(f"{path.name}.part"), size, progress or (lambda done: None), pause_s)
    try:
        pooch.retrieve(url, checksum, fname=path.name, path=path.parent, downloader=downloader)
    except ValueError as error:  # pooch removes a file whose checksum is wrong
        raise DatasetError(
            f"{path}: the downloaded file does not have the checksum {checksum}, and was removed; run the same command "
            f"again, and if the error persists, report it to the operator of {url}."
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageError(
            f"{path}: no space left on the disk for {size} bytes; the partial download is kept. "
            "Free some space, then run the same command again to resume."
        ) from error
    (progress or (lambda done: None))(size)


class _Resuming:
    """A downloader for pooch that keeps partial data and requests the rest from the server (HTTP Range)."""

    def __init__(self, part: Path, size: int, progress: Progress, pause_s: float) -> None:
        self._part, self._size, self._progress, self._pause_s = part, size, progress, pause_s

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        import requests

        fruitless = 0
        while True:
            before = self._done()
            try:
                self._request_rest(url, before)
                break
            except requests.RequestException as error:
                fruitless = 0 if self._done() > before else fruitless + 1
                if fruitless >= _FRUITLESS_ATTEMPTS or _is_refusal(error):
                    raise DatasetError(self._broken(url, error)) from error
                time.sleep(self._pause_s * 2**fruitless)
        self._part.replace(output_file)

    def _done(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _request_rest(self, url: str, done: int) -> None:
        import requests

        if done == self._size:
            return
        headers = {"Accept-Encoding": "identity"}
        if 0 < done < self._size:
            headers["Range"] = f"bytes={done}-"
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
            response.raise_for_status()
            goes_on = response.status_code == requests.codes.partial_content
            with self._part.open("ab" if goes_on else "wb") as file:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
                    self._progress(file.tell())
        if self._done() < self._size:
            raise requests.ConnectionError("the connection ended early")

    def _broken(self, url: str, error: Exception) -> str:
        reason = " ".join(str(error).split())[:120]
        return (
            f"{url}: received {self._done()} of {self._size} bytes, then nothing more ({reason}); check the network "
            "and run the same command again to resume."
        )


def _is_refusal(error: Any) -> bool:
    """Whether the server refused so that retrying is useless (not found, forbidden); 429 only asks to wait."""
    status = 0 if error.response is None else error.response.status_code
    return 400 <= status < 500 and status != 429
