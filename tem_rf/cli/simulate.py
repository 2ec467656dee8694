"""`tem-rf simulate`: micrographs with exact masks, from physics."""

from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import JsonFlag, print_json, progress_console
from tem_rf.config.simulation import PRESETS, simulation_settings


def simulate(
    preset: Annotated[str, typer.Argument(help=f"What to simulate: {', '.join(PRESETS)}.")] = "au-5nm",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder; default: simulated/PRESET.")] = None,
    count: Annotated[int, typer.Option(help="Number of micrographs.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    size_px: Annotated[int | None, typer.Option(help="Height and width in px.")] = None,
    pixel_size_nm: Annotated[float | None, typer.Option(help="Side of a pixel in nm.")] = None,
    diameter_nm: Annotated[float | None, typer.Option(help="Mean diameter of the particles in nm.")] = None,
    coverage: Annotated[float | None, typer.Option(help="Part of the field that particles cover.")] = None,
    particle_count: Annotated[
        int | None, typer.Option("--particles", help="Particles per micrograph, in place of coverage.")
    ] = None,
    carbon_nm: Annotated[str | None, typer.Option(help="Thickness of the film, LOW:HIGH or one number in nm.")] = None,
    defocus_nm: Annotated[str | None, typer.Option(help="Distance from focus, LOW:HIGH or one number in nm.")] = None,
    cs_um: Annotated[str | None, typer.Option(help="Spherical aberration, LOW:HIGH or one number in µm.")] = None,
    dose_e_per_angstrom2: Annotated[float | None, typer.Option("--dose", help="Electrons per Å².")] = None,
    detector_blur_px: Annotated[
        float | None, typer.Option("--blur-px", help="Blur of the detector, standard deviation in px.")
    ] = None,
    xray_spikes_per_megapixel: Annotated[
        float | None, typer.Option("--xray-spikes", help="Pixels hit by x-rays, per million.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one per core.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Simulate micrographs of gold nanoparticles on carbon, with the exact mask of each.

    Run again, the same command reuses what stands; a greater --count adds to it.

    Example: tem-rf simulate au-5nm --count 20 --size-px 2048 --seed 0 --output simulated/au-5nm
    """
    changes = {
        "size_px": size_px,
        "pixel_size_nm": pixel_size_nm,
        "diameter_nm": diameter_nm,
        "coverage": coverage,
        "particle_count": particle_count,
        "carbon_nm": carbon_nm,
        "defocus_nm": defocus_nm,
        "cs_um": cs_um,
        "dose_e_per_angstrom2": dose_e_per_angstrom2,
        "detector_blur_px": detector_blur_px,
        "xray_spikes_per_megapixel": xray_spikes_per_megapixel,
    }
    settings = simulation_settings(preset, **{key: value for key, value in changes.items() if value is not None})
    folder = output or Path("simulated") / preset

    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from tem_rf.data.simulation.simulate import simulate_micrographs

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )  # fmt: skip
    with Progress(*columns, console=progress_console()) as bars:
        task = bars.add_task(f"Simulating {preset}", total=count)
        images = simulate_micrographs(
            settings,
            folder,
            count=count,
            seed=seed,
            workers=workers,
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    result = {
        "folder": str(folder),
        "images": str(folder / "images"),
        "labels": str(folder / "labels"),
        "micrographs": len(images),
        "size_px": settings.size_px,
        "pixel_size_nm": settings.pixel_size_nm,
        "seed": seed,
    }
    if as_json:
        print_json(result)
    else:
        print(
            f"{folder}: {len(images)} micrographs of {settings.size_px} px at {settings.pixel_size_nm:g} nm/px "
            "(images/, labels/, particles/)"
        )
