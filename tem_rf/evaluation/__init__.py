"""How good a segmentation is: runs scored on images, the table of results, false negatives, what a dataset holds.

The table needs no NumPy; the modules that score and look into datasets do.
"""

from tem_rf.evaluation.columns import COLUMNS, Column
from tem_rf.evaluation.trials import MethodResult, Results, RunResult, TrialResult, read_results

__all__ = ["COLUMNS", "Column", "MethodResult", "Results", "RunResult", "TrialResult", "read_results"]
