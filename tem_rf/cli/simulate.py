"""`tem-rf simulate`: physics-based simulation of micrographs with exact masks."""

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, show_progress
from tem_rf.jobs.simulate import SimulateRequest
from tem_rf.jobs.simulate import simulate as run


@takes(SimulateRequest)
def simulate(request: SimulateRequest, as_json: JsonFlag = False) -> None:
    """Simulate micrographs of nanoparticles on carbon, each with its exact mask.

    Micrographs that already exist are reused; a larger --count adds more.

    Example: tem-rf simulate au-5nm --count 20 --size-px 2048 --seed 0 --output simulated/au-5nm
    """
    with show_progress(f"Simulating {request.preset}", request.count) as on_progress:
        images = run(request, progress=on_progress)
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
