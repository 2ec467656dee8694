"""Prepare a dataset from a folder of micrographs and labels, with one micrograph in memory at a time."""
