"""From a folder of micrographs and labels to a dataset, one micrograph in memory at a time."""
