"""The folder that holds the runs."""

from collections.abc import Collection, Sequence
from pathlib import Path

from tem_rf.errors import RunError
from tem_rf.runs.folder import RunFolder

DEFAULT_ROOT = Path("runs")


def find_run(name: str, root: Path = DEFAULT_ROOT) -> RunFolder:
    """Open a run by its name under the root, or by its path.

    Raises:
        RunError: There is no such run.
    """
    for path in (root / name, Path(name)):
        if RunFolder(path).config_file.exists():
            return RunFolder.open(path)
    close = close_names(name, [run.name for run in list_runs(root)])
    raise RunError(f"{name}: no run of this name in {root}{close}; see `tem-rf runs`.")


def find_runs_of_one_dataset(names: Sequence[str], root: Path = DEFAULT_ROOT) -> list[RunFolder]:
    """Open runs whose images can be compared.

    Raises:
        RunError: There is none, no such run, or they were trained on different datasets.
    """
    if not names:
        raise RunError("run: expected one or more, received none.")
    runs = [find_run(name, root) for name in names]
    other = next((run for run in runs if run.config.dataset_sha256 != runs[0].config.dataset_sha256), None)
    if other is not None:
        datasets = f"{runs[0].config.dataset}, {other.config.dataset}"
        raise RunError(
            f"{runs[0].name} and {other.name}: were trained on different datasets ({datasets}); name runs of one "
            "dataset at a time."
        )
    return runs


def list_runs(root: Path = DEFAULT_ROOT) -> list[RunFolder]:
    """Runs under the root, by name; folders that hold no run are left out."""
    if not root.is_dir():
        return []
    return [RunFolder(path) for path in sorted(root.iterdir()) if RunFolder(path).config_file.exists()]


def close_names(name: str, names: Collection[str]) -> str:
    """Names that were perhaps meant, in words for the end of an error; empty without any."""
    from difflib import get_close_matches

    close = get_close_matches(name, names, n=3)
    return f" (close to it: {', '.join(close)})" if close else ""
