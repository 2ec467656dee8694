"""A finished run, packaged for others."""
