"""`tem-rf data`: check micrographs and labels, inspect datasets, fetch published data."""
