"""The Keras backend: import it without its messages, and recognize its out-of-memory errors."""

import os
import sys

from tem_rf.config.machine import apply_choice
from tem_rf.errors import SettingsError

XLA = "TEM_RF_XLA"
"""Variable that says where XLA compiles the steps of TensorFlow: `gpu` (default), `off`, or `on` (also on the CPU)."""


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
    """Import Keras with the backend chosen for this machine, silently.

    Set TF_CPP_MIN_LOG_LEVEL to see the messages of TensorFlow.
    TensorFlow writes to file descriptor 2 during import, before it reads that variable, so the descriptor is redirected
    while the import runs. An import failure is an exception, which is not affected.
    """
    apply_choice()
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
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
