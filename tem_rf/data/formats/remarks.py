"""Warnings and log messages of third-party parsers, collected as notes instead of printed."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_LOGGERS = ("tifffile", "rsciio", "PIL", "h5py", "mrcfile", "roifile")
_LONGEST = 160


@contextmanager
def collect_remarks(remarks: list[str]) -> Iterator[None]:
    """Append warnings and log messages of parsers inside the block to `remarks`, without repetition and shortened.

    Only one thread may use it at a time. Warnings of other threads are shown as without it.
    """
    thread, caught = threading.get_ident(), list[str]()
    handler = _Collector(remarks)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.propagate, logger.handlers) for logger in loggers]
    for logger in loggers:
        logger.handlers = [handler]  # rosettasciio has its own handler, which prints
        logger.propagate = False
    try:
        with warnings.catch_warnings():
            show = warnings.showwarning

            def collect(
                message: Warning | str,
                category: type[Warning],
                filename: str,
                lineno: int,
                file: TextIO | None = None,
                line: str | None = None,
            ) -> None:
                if threading.get_ident() != thread:
                    show(message, category, filename, lineno, file, line)
                elif not issubclass(category, ResourceWarning | DeprecationWarning):
                    caught.append(str(message))

            warnings.showwarning = collect
            warnings.simplefilter("always")
            yield
    finally:
        for logger, (propagate, handlers) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
    for message in caught:
        _append(remarks, message)


class _Collector(logging.Handler):
    def __init__(self, remarks: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._remarks = remarks

    def emit(self, record: logging.LogRecord) -> None:
        _append(self._remarks, record.getMessage())


def _append(remarks: list[str], text: str) -> None:
    line = " ".join(text.split())
    line = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    if line and line not in remarks:
        remarks.append(line)
