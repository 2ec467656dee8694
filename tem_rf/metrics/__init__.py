"""Dice, agreement of outlines, a row of scores per image, mean ± sd over seeds.

The tables of scores do not need NumPy; `tem_rf.metrics.dice` and `tem_rf.metrics.boundary`, which score images, do.
"""

from tem_rf.metrics.scores import METRICS, ImageScores, read_scores, score_image, write_scores
from tem_rf.metrics.summary import Spread, summarize

__all__ = ["METRICS", "ImageScores", "Spread", "read_scores", "score_image", "summarize", "write_scores"]
