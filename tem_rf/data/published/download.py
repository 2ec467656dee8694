"""Download one file: verified, with progress, and going on where a broken connection left off."""

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
        url: Where it is.
        path: Where it goes; what has arrived so far stands beside it, as NAME.part.
        checksum: Such as `md5:0123...`.
        size: Bytes of the whole file.
        progress: Told how many bytes are there.
        pause_s: Wait before another attempt [s]; doubles each time that nothing came.

    Raises:
        DatasetError: The server cannot be reached, or what came has another checksum.
        StorageError: The disk is full.
    """
    import pooch

    pooch.get_logger().setLevel("ERROR")
    downloader = _Resuming(path.with_name(f"{path.name}.part"), size, progress or (lambda done: None), pause_s)
    try:
        pooch.retrieve(url, checksum, fname=path.name, path=path.parent, downloader=downloader)
    except ValueError as error:  # pooch removes a file whose checksum is wrong
        raise DatasetError(
            f"{path}: came with another checksum than {checksum}, and was removed; run the same command again, "
            f"and tell whoever runs {url} if it comes back."
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageError(
            f"{path}: no space left on the disk for {size} bytes; what has come is kept. "
            "Free some space, then run the same command again: it goes on from there."
        ) from error
    (progress or (lambda done: None))(size)


class _Resuming:
    """A downloader for pooch that keeps what has arrived and asks the server for the rest (HTTP Range)."""

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
            f"{url}: {self._done()} of {self._size} bytes came, then nothing more ({reason}); check the network "
            "and run the same command again, it goes on from there."
        )


def _is_refusal(error: Any) -> bool:
    """Whether the server said that asking again is useless (not found, forbidden); 429 asks for patience."""
    status = 0 if error.response is None else error.response.status_code
    return 400 <= status < 500 and status != 429
