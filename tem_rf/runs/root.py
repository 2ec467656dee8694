"""The folder that contains the runs."""

from collections.abc import Collection, Sequence
from pathlib import Path

from tem_rf.errors import RunError
from tem_rf.runs.folder import RunFolder

DEFAULT_ROOT = Path("runs")


def find_run(name: str, root: Path = DEFAULT_ROOT) -> RunFolder:
    """Open a run by its name in the root folder, or by its path.

    Raises:
        RunError: The run does not exist.
    """
    for path in (root / name, Path(name)):
        if RunFolder(path).config_file.exists():
            return RunFolder.open(path)
    close = close_names(name, [run.name for run in list_runs(root)])
    raise RunError(f"{name}: no run of this name in {root}{close}; see `tem-rf runs`.")


def find_runs_of_one_dataset(names: Sequence[str], root: Path = DEFAULT_ROOT) -> list[RunFolder]:
    """Open runs whose images can be compared.

    Raises:
        RunError: No run is given, a run does not exist, or they were trained on different datasets.
    """
    if not names:
        raise RunError("run: expected one or more, received none.")
    runs = [find_run(name, root) for name in names]
    other = next((run for run in runs if run.config.dataset_sha256 != runs[0].config.dataset_sha256), None)
    if other is not None:
        datasets = f"{runs[0].config.dataset}, {other.config.dataset}"
        raise RunError(
            f"{runs[0].name} and {other.name}: were trained on different datasets ({datasets}); give runs of one "
            "dataset only."
        )
    return runs


def list_runs(root: Path = DEFAULT_ROOT) -> list[RunFolder]:
    """Runs in the root folder, by name. Folders that contain no run are left out."""
    if not root.is_dir():
        return []
    return [RunFolder(path) for path in sorted(root.iterdir()) if RunFolder(path).config_file.exists()]


def close_names(name: str, names: Collection[str]) -> str:
    """Similar names, as text to append to an error; empty if there are none."""
    from difflib import get_close_matches

    close = get_close_matches(name, names, n=3)
    return f" (similar: {', '.join(close)})" if close else ""
