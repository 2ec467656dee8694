"""Time between the frames of a movie, from the metadata of its file."""

import math
from typing import Any

_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}


def interval_s(value: Any, unit: Any) -> float | None:
    """Convert a time to seconds; None if it is not a positive number or its unit is not a time.

    >>> interval_s("250", "ms"), interval_s(0, "s"), interval_s(0.02, "nm")
    (0.25, None, None)
    """
    try:
        seconds = float(value) * _SECONDS[str(unit).strip().casefold()]
    except (KeyError, TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
