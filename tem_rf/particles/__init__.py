"""Particles of a mask: numbered, measured, tabulated, scored, tracked."""
