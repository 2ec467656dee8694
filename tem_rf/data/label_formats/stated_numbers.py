"""How the outlines of a file state the numbers of their particles, where this project writes and reads them."""

import re

_NAME = re.compile(r"^particle (\d+)(?:, frame \d+)?$")


def roi_name(number: int, frame: int | None = None) -> str:
    """Name of a particle in other programs.

    Args:
        number: Its number.
        frame: Its frame in a stack, from 1; numbers are counted in each frame.

    >>> roi_name(17), roi_name(17, 3)
    ('particle 17', 'particle 17, frame 3')
    """
    return f"particle {number}" if frame is None else f"particle {number}, frame {frame}"


def number_in(name: object) -> int | None:
    """The number in such a name; None if it is another one.

    >>> number_in("particle 17, frame 3"), number_in("0012-0034"), number_in(None)
    (17, None, None)
    """
    match = _NAME.match(str(name))
    return int(match[1]) if match and int(match[1]) > 0 else None
