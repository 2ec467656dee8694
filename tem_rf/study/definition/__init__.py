"""What a study is: the content of `study.toml`."""
