"""`tem-rf misses`: false negatives of networks and of Fourier filtering on the same images."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table, show_status
from tem_rf.errors import SettingsError
from tem_rf.models.backend import import_keras
from tem_rf.runs.root import DEFAULT_ROOT, find_runs_of_one_dataset


def misses(
    run: Annotated[list[str], typer.Argument(help="Names or folders of runs on the same dataset.")],
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    split: Annotated[Literal["train", "validation", "test"], typer.Option(help="Images to compare.")] = "test",
    lattice_spacing_nm: Annotated[
        float | None, typer.Option(help="Lattice spacing for Fourier filtering in nm; default: found in the images.")
    ] = None,
    pictures: Annotated[
        int, typer.Option(min=0, help="Number of images to draw maps of: those with the most false negatives.")
    ] = 4,
    output: Annotated[Path, typer.Option(help="Output folder for tables and pictures.")] = Path("misses"),
    as_json: JsonFlag = False,
) -> None:
    """Compare the false negatives of runs and of Fourier filtering: maps, and the dice between them.

    A dice near 1 means that two methods miss the same places: one does not detect what the other fails to detect.

    Example: tem-rf misses au-5nm-n2-p22-paper-s752 au-5nm-n2-p44-paper-s752 --output misses
    """
    folders = find_runs_of_one_dataset(run, runs)
    if len({folder.name for folder in folders}) < len(folders):
        raise SettingsError("RUN: two runs have the same name; give each run only once.")

    import_keras()
    from tem_rf.evaluation.false_negatives import (
        compare_false_negatives,
        false_negative_maps,
        methods_of_runs,
        write_false_negative_tables,
    )
    from tem_rf.plots.false_negatives import write_false_negative_dice, write_false_negative_maps
    from tem_rf.runs.dataset import open_training_data

    dataset = open_training_data(folders[0].config)
    indices = dataset.indices(split)
    with show_status("loading networks, searching for lattice fringes"):
        methods, note = methods_of_runs(folders, dataset, split=split, lattice_spacing_nm=lattice_spacing_nm)
    print_remark(f"Fourier filtering: {note}")
    with show_status(f"segmenting the {split} images") as on_step:
        comparison = compare_false_negatives(
            methods,
            dataset,
            indices,
            progress=lambda done, count: on_step(f"segmenting the {split} images: {done} of {count}"),
        )
    files = [*write_false_negative_tables(output, comparison), output / "false_negatives_dice.png"]
    write_false_negative_dice(files[-1], comparison.methods, comparison.mean_dice, len(comparison.patches))
    worst_first = (-comparison.fractions.mean(axis=1)).argsort(kind="stable")
    for place in worst_first[:pictures]:
        patch, index = comparison.patches[place], indices[place]
        files.append(output / f"{patch.name}.png")
        maps = false_negative_maps(methods, dataset, index)
        write_false_negative_maps(files[-1], dataset.images[index], dataset.particles(index), maps, comparison.methods)
    if as_json:
        print_json(
            {
                "methods": comparison.methods,
                "images": len(indices),
                "false_negative_fraction": comparison.mean_fraction.tolist(),
                "dice": comparison.mean_dice.tolist(),
                "fourier": note,
                "files": files,
            }
        )
        return
    print_table(
        f"False negatives in {len(indices)} {split} images of {dataset.manifest.name}: fraction, dice between maps",
        ["method", "false negatives", *comparison.methods],
        [
            [method, f"{fraction:.1%}", *(f"{value:.3f}" for value in values)]
            for method, fraction, values in zip(
                comparison.methods, comparison.mean_fraction, comparison.mean_dice, strict=True
            )
        ],
    )
    for file in files:
        print(file)
