"""Correct the instance labels of a micrograph: local edits, unlimited undo, every step on disk, no screen."""
