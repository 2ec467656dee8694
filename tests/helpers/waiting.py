"""Waiting for other processes."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], timeout_s: float = 60) -> None:
    """Wait until something holds, or fail."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(0.02)
