"""The particles of a folder of segmented micrographs as one experiment: distribution, fits, comparison, report."""
