"""The folder that holds the studies, named apart so that commands know it without what a study is."""

from pathlib import Path

DEFAULT_ROOT = Path("studies")
