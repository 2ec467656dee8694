"""`tem-rf data`: check micrographs and labels, inspect datasets, download published data."""
