"""Typed settings with units and ranges, read in the same way from files, flags and forms."""
