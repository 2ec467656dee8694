"""One optimizer step, compiled by TensorFlow or JAX, on complete batches or in microbatches."""
