"""Definition of a study: the content of `study.toml`."""
