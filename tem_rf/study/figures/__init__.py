"""Figures of a study, each from numbers that are written beside it; one module per figure."""
