"""Output of `tem-rf data fetch`."""

import shlex
from dataclasses import asdict

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeRemainingColumn, TransferSpeedColumn

from tem_rf.cli.output import print_json, print_remark, print_table, progress_console
from tem_rf.data.published.public import PUBLISHED_SETS, RemoteFile
from tem_rf.jobs.fetch import FetchRequest, fetch


def list_sets(as_json: bool) -> None:
    """Print the published datasets."""
    sets = PUBLISHED_SETS.values()
    if as_json:
        print_json([asdict(published) for published in sets])
        return
    rows = [(p.name, p.title, f"{p.pixel_size_nm:g}", f"zenodo {p.record}", p.source) for p in sets]
    columns = ("name", "content", "pixel size [nm]", "record", "source")
    print_table("Published datasets: tem-rf data fetch NAME", columns, rows)


def fetch_set(request: FetchRequest, as_json: bool) -> None:
    """Fetch a dataset with a progress bar, and print the next command."""
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=progress_console()) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(remote: RemoteFile, done: int) -> None:
            if remote.name not in tasks:
                tasks[remote.name] = progress.add_task(remote.name, total=remote.size)
            progress.update(tasks[remote.name], completed=done)

        paths = fetch(request, progress=tell)
    name, published = request.name, PUBLISHED_SETS[request.name]
    if as_json:
        print_json(asdict(published) | {"paths": paths})
        return
    for path in paths:
        print(path)
    threshold = published.outlier_threshold or 0
    print_remark(
        f"next: tem-rf prepare {shlex.quote(str(request.out / name))} --output datasets/{name} "
        f"--pixel-size-nm {published.pixel_size_nm:g} --xray-threshold {threshold:g}"
    )
