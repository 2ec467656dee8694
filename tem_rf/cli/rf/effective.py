"""`tem-rf rf effective`: effective receptive field of a trained network."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_table, progress_console
from tem_rf.models.backend import import_keras


def effective(
    run: Annotated[str, typer.Argument(help="Name or folder of a run with at least one epoch.")],
    runs: Annotated[Path | None, typer.Option(help="Folder of the runs. Default: runs.")] = None,
    split: Annotated[Literal["train", "validation", "test"], typer.Option(help="Patches to use.")] = "test",
    count: Annotated[int, typer.Option(min=1, help="Maximum number of patches to average over.")] = 32,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="PNG to write; default: effective.png in the run folder.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure the effective receptive field of a trained network, and plot it with the exact one.

    The squared gradient of one output pixel is averaged over real patches. The widths are the sides of the smallest
    squares that contain 50 % and 95 % of it.

    Example: tem-rf rf effective au-5nm-n2-p44-paper-s752 --count 32
    """
    from tem_rf.runs.root import DEFAULT_ROOT, find_run

    folder = find_run(run, runs or DEFAULT_ROOT)
    architecture = folder.config.architecture
    import_keras()

    import numpy as np
    from rich.markup import escape
    from rich.progress import Progress

    from tem_rf.models.effective import effective_receptive_field
    from tem_rf.plots.receptive_field import ENERGY_FRACTIONS, write_effective_picture
    from tem_rf.runs.dataset import open_training_data
    from tem_rf.runs.network import load_network

    dataset = open_training_data(folder.config)
    pixel_size_nm = dataset.manifest.pixel_size_nm
    indices = dataset.indices(split)
    indices = indices[np.linspace(0, len(indices) - 1, min(count, len(indices))).round().astype(int)]
    with Progress(console=progress_console()) as bars:
        task = bars.add_task(escape(f"{folder.name}: gradients"), total=len(indices))
        field = effective_receptive_field(
            load_network(folder),
            architecture,
            np.asarray(dataset.images[indices]),
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    picture = output or folder.path / "effective.png"
    write_effective_picture(picture, field, architecture, pixel_size_nm=pixel_size_nm)
    exact = architecture.receptive_field.size_px
    widths_px = {f"{fraction:.0%} of the energy": field.width_px(fraction) for fraction in ENERGY_FRACTIONS}
    widths_px |= {} if exact is None else {"exact, maximum": exact.max}
    result: dict[str, Any] = {
        "run": folder.name,
        "architecture": architecture.name,
        "patches": field.images,
        "window_px": len(field.energy),
        "widths_px": widths_px,
        "widths_nm": pixel_size_nm and {name: width * pixel_size_nm for name, width in widths_px.items()},
        "picture": str(picture),
    }
    if as_json:
        print_json(result)
        return
    columns = ["receptive field", "px", *(["nm"] if pixel_size_nm else [])]
    rows = [[name, px, *([f"{px * pixel_size_nm:.2f}"] if pixel_size_nm else [])] for name, px in widths_px.items()]
    print_table(f"{folder.name}, over {field.images} patches", columns, rows)
    print(picture)
