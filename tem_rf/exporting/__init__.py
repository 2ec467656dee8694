"""Export of a finished run for others to use."""
