"""Follow the runs of a folder."""

from tem_rf.runs.view import LIVE_STATES, RunTracker
from tem_rf.runs.view import RunView as TrackedRun

__all__ = ["LIVE_STATES", "RunTracker", "TrackedRun"]
