"""The new state of runs that were started, in words."""

from collections import Counter
from collections.abc import Sequence

from tem_rf.jobs.launch import Launched

_LAUNCHED = {
    "starting": "starting",
    "queued": "waiting in the queue",
    "training": "already training",
    "finished": "already finished",
}


def launched_text(launched: Sequence[Launched]) -> str:
    """Return the new state of runs in words."""
    if len(launched) == 1:
        (one,) = launched
        place = f", position {one.position}" if one.position else ""
        return f"{one.run.name}: {_state_text(one)}{place}"
    counts = Counter(map(_state_text, launched))
    return f"{len(launched)} runs: {', '.join(f'{count} {text}' for text, count in counts.items())}"


def _state_text(launched: Launched) -> str:
    text = _LAUNCHED[launched.state]
    return text if launched.is_new or text.startswith("already") else f"already {text}"
