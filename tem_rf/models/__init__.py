"""Keras builders of the networks."""
