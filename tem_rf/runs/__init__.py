"""Run folders, events and processes: the only place that names files inside a run (no TensorFlow)."""
