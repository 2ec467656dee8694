"""What the command line, the Python API and the app start: trainings, now or in a queue (no TensorFlow)."""
