"""The Keras backend: import it without its messages, and recognize its out-of-memory errors."""

import os
import sys


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
    """Import Keras silently. Set TF_CPP_MIN_LOG_LEVEL to see the messages of TensorFlow.

    TensorFlow writes to file descriptor 2 during import, before it reads that variable, so the descriptor is redirected
    while the import runs. An import failure is an exception, which is not affected.
    """
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
