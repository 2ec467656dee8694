"""The published datasets by name, and their download."""
