"""Segmentation of whole micrographs with a trained network."""
