"""Dice, outlines, a row of scores per image, mean ± sd over seeds."""
