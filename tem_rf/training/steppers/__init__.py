"""One optimizer step, compiled by TensorFlow or JAX, whole or in micro-batches."""
