"""Run folders, events and processes. The only package that knows the files inside a run (no TensorFlow)."""

from tem_rf.runs.config import RunConfig
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.root import find_run, list_runs

__all__ = ["RunConfig", "RunFolder", "find_run", "list_runs"]
