"""`tem-rf label`: labels of micrographs."""
