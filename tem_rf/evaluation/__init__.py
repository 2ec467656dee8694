"""Evaluate segmentations: scores of runs, the table of results, false negatives, inspection of datasets.

The table does not need NumPy; the modules that score images and inspect datasets do.
"""

from tem_rf.evaluation.columns import COLUMNS, Column
from tem_rf.evaluation.trials import MethodResult, Results, RunResult, TrialResult, read_results

__all__ = ["COLUMNS", "Column", "MethodResult", "Results", "RunResult", "TrialResult", "read_results"]
