"""The published datasets by name, and how to fetch them."""
