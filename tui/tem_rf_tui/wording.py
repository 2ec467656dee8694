"""Words for numbers."""


def counted(count: int, one: str, more: str = "") -> str:
    """A number of things.

    Args:
        count: How many.
        one: What one of them is called.
        more: What several are called, where it is not that with an s.

    >>> counted(1, "micrograph"), counted(2, "micrograph"), counted(0, "patch", "patches")
    ('1 micrograph', '2 micrographs', '0 patches')
    """
    return f"{count} {one}" if count == 1 else f"{count} {more or f'{one}s'}"
