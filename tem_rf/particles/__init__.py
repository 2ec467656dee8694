"""From a mask to particles: numbered, measured, tabled, scored, tracked."""
