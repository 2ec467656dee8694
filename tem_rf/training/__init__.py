"""Training of one run: recipe, batches, checkpoints, events."""
