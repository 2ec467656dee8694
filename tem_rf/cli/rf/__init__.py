"""`tem-rf rf`: receptive fields of networks."""
