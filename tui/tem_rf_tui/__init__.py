"""The terminal app: a thin client of tem-rf that starts processes and follows their output (no TensorFlow)."""
