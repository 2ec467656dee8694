"""`tem-rf data`: look at micrographs, labels and datasets, and fetch the published ones."""
