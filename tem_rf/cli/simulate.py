"""`tem-rf simulate`: physics-based simulation of micrographs with exact masks."""

import shlex
from pathlib import Path

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, show_progress
from tem_rf.config.simulation import preset_values
from tem_rf.jobs.simulate import SimulateRequest
from tem_rf.jobs.simulate import simulate as run


@takes(SimulateRequest)
def simulate(request: SimulateRequest, as_json: JsonFlag = False) -> None:
    """Simulate micrographs of nanoparticles on carbon, each with its exact mask.

    Micrographs that already exist are reused; a larger --count adds more.

    Example: tem-rf simulate au-5nm --count 20 --size-px 2048 --seed 0 --output simulated/au-5nm

    Example: tem-rf simulate --like micrographs --output mine.json, then: tem-rf simulate mine.json
    """
    preset_file = request.fitted_preset
    title = f"Simulating {request.preset}" if preset_file is None else f"Fitting a preset to {request.like}"
    with show_progress(title, request.count if preset_file is None else None) as on_progress:
        images = run(request, progress=on_progress)
    if preset_file is not None:
        _print_preset(preset_file, as_json)
        return
    folder, settings = request.folder, request.simulation
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "images": str(folder / "images"),
                "labels": str(folder / "labels"),
                "micrographs": len(images),
                "size_px": settings.size_px,
                "pixel_size_nm": settings.pixel_size_nm,
                "seed": request.seed,
            }
        )
    else:
        print(
            f"{folder}: {len(images)} micrographs of {settings.size_px} px at {settings.pixel_size_nm:g} nm/px "
            "(images/, labels/, particles/)"
        )


def _print_preset(file: Path, as_json: bool) -> None:
    found = preset_values(str(file))
    if as_json:
        print_json({"preset": str(file), "settings": found})
        return
    print(f"{file}: a preset fitted to your micrographs; simulate with: tem-rf simulate {shlex.quote(str(file))}")
    for name, value in found.items():
        print(f"  {name} {' to '.join(f'{one:g}' for one in value) if isinstance(value, list) else value}")
