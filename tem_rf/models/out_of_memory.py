"""What says that a network needs more memory than there is."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether an exception of Python, NumPy, TensorFlow or JAX says that memory is short, known without importing them.

    >>> is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"))
    True
    """
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "ResourceExhaustedError"
        or "RESOURCE_EXHAUSTED" in str(error)
    )
