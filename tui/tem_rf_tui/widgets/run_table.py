"""The table of runs."""

from dataclasses import replace

from tem_rf.runs.view import RunView
from tem_rf_tui.widgets.live_table import LiveTable

SIGNS = {
    "new": "·", "queued": "…", "starting": "…", "running": "▶", "paused": "‖", "stopped": "■",
    "finished": "✓", "failed": "✗", "killed": "†", "unreadable": "?",
}  # fmt: skip


class RunTable(LiveTable[RunView]):
    """Runs, newest first."""

    TITLES = ("state", "run", "epochs", "best dice", "time left")

    def name_of(self, item: RunView) -> str:
        return item.run.name

    def cells(self, item: RunView) -> tuple[str, ...]:
        epochs = f"{len(item.epochs)}/{item.total_epochs}" if item.config else ""
        best = f"{item.best.validation_hard_dice:.3f}" if item.best else ""
        # By whole epochs: if it changed with every step, the whole table would be sent each time.
        whole_epochs_left = replace(item, step=None).seconds_left
        left = duration(whole_epochs_left) if whole_epochs_left is not None else ""
        return f"{SIGNS[item.state]} {item.state}", item.run.name, epochs, best, left


def duration(seconds: float) -> str:
    """Return a duration in one or two units.

    >>> duration(42), duration(600), duration(7500)
    ('42 s', '10 min', '2 h 5 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
