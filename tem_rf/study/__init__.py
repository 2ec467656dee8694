"""Studies: datasets x architectures x recipes x seeds, searched, run on many workers and compared."""
