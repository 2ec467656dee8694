"""The Keras backend: import it without its messages, and recognize its out-of-memory errors."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from tem_rf.config.machine import apply_choice
from tem_rf.errors import SettingsError

XLA = "TEM_RF_XLA"
"""Variable that says where XLA compiles the steps of TensorFlow: `gpu` (default), `off`, or `on` (also on the CPU)."""


_NOT_NEEDED = ("jax", "matplotlib", "matplotlib.pyplot", "pandas", "sklearn")
"""Packages that Keras and TensorFlow import where they are installed, for functions of theirs that tem-rf does not use.
Together they take as long as Keras and TensorFlow themselves (docs/experiments.md, "Segmentation: the start")."""


def uses_xla(*, on_gpu: bool) -> bool:
    """Whether XLA compiles the training steps of TensorFlow on this device.

    Raises:
        SettingsError: TEM_RF_XLA has an unknown value.
    """
    choices = {"gpu": on_gpu, "off": False, "on": True}
    asked = os.environ.get(XLA) or "gpu"
    if asked not in choices:
        raise SettingsError(f"{XLA}: expected one of {', '.join(choices)}, received {asked!r}.")
    return choices[asked]


def is_out_of_memory(error: Exception) -> bool:
    """Whether an exception of Python, NumPy, TensorFlow or JAX means out of memory, without importing them.

    >>> is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"))
    True
    """
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "ResourceExhaustedError"
        or "RESOURCE_EXHAUSTED" in str(error)
    )


def import_keras() -> None:
    """Import Keras with the backend chosen for this machine, silently and without packages that it does not need.

    Set TF_CPP_MIN_LOG_LEVEL to see the messages of TensorFlow. Not for use beside threads that import such packages.
    """
    if "keras" in sys.modules:
        return
    apply_choice()
    with _some_home(), _hidden(one for one in _NOT_NEEDED if one != os.environ.get("KERAS_BACKEND")):
        _import_silently()


@contextmanager
def _some_home() -> Iterator[None]:
    """Without a home folder, have one while the block runs: TensorFlow would create a folder called `~` here."""
    before = os.environ.get("HOME")
    if os.path.expanduser("~") != "~":  # noqa: PTH111  # Path.home fails without one
        yield
        return
    with TemporaryDirectory() as folder:
        os.environ["HOME"] = folder
        try:
            yield
        finally:
            del os.environ["HOME"]
            if before is not None:
                os.environ["HOME"] = before


@contextmanager
def _hidden(names: Iterable[str]) -> Iterator[None]:
    """Let packages that are not imported yet appear not to be installed while the block runs."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None, as the import system has it
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def _import_silently() -> None:
    """Import Keras without the messages of TensorFlow, unless the user has set TF_CPP_MIN_LOG_LEVEL.

    TensorFlow writes to file descriptor 2 during import, before it reads TF_CPP_MIN_LOG_LEVEL, so the descriptor is
    redirected while the import runs. An import failure is an exception, which is not affected.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        import keras

        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import keras  # noqa: F401
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
