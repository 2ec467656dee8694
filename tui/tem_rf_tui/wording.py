"""Numbers in words."""


def counted(count: int, one: str, more: str = "") -> str:
    """Return a number with its noun.

    Args:
        count: The number.
        one: The singular.
        more: The plural, if it is not the singular with an s.

    >>> counted(1, "micrograph"), counted(2, "micrograph"), counted(0, "patch", "patches")
    ('1 micrograph', '2 micrographs', '0 patches')
    """
    return f"{count} {one}" if count == 1 else f"{count} {more or f'{one}s'}"
