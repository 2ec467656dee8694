"""Micrographs, datasets and the simulator."""
