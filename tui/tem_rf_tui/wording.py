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


def has_words(text: str, words: str) -> bool:
    """Whether a text contains all words, in any order and case.

    >>> has_words("runs/Au n2-p44", "P44 au"), has_words("runs/Au", "ag"), has_words("", "")
    (True, False, True)
    """
    text = text.lower()
    return all(word in text for word in words.lower().split())
