"""The results of a study: trials, their table, comparisons."""
