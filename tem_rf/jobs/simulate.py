"""Simulate micrographs with exact masks."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tem_rf.config.marks import Choices, Flags, Group, Positional
from tem_rf.config.simulation import PRESETS, SimulationSettings, simulation_settings
from tem_rf.jobs.request import Request


class SimulateRequest(Request):
    """Micrographs of particles on a carbon film to simulate, each with its exact mask."""

    command = ("simulate",)

    preset: Annotated[str, Positional(), Choices(tuple(PRESETS))] = Field("au-5nm", description="What to simulate.")
    output: Annotated[Path | None, Flags("output", "o")] = Field(
        None, description="Folder to write; default: simulated/PRESET."
    )
    count: int = Field(20, ge=1, description="Number of micrographs; existing ones are reused.")
    seed: int = Field(0, ge=0, description="Random seed.")
    workers: int | None = Field(None, ge=1, description="Number of processes; default: one per core.")
    simulation: Annotated[
        SimulationSettings,
        Group(
            simulation_settings,
            presets=("preset",),
            basic=(
                "size_px",
                "pixel_size_nm",
                "diameter_nm",
                "coverage",
                "particle_count",
                "carbon_nm",
                "defocus_nm",
                "dose_e_per_angstrom2",
            ),
        ),
    ]

    @property
    def folder(self) -> Path:
        """The folder that is written."""
        return self.output or Path("simulated") / self.preset


def simulate(
    request: SimulateRequest, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Path]:
    """Simulate micrographs.

    Args:
        request: What to simulate.
        progress: Called with the numbers of micrographs done and requested.

    Returns:
        The image files, in order; the label of images/NAME.tif is labels/NAME.tif.

    Raises:
        DatasetError: The folder contains something else.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.data.simulation.simulate import simulate_micrographs

    return simulate_micrographs(
        request.simulation,
        request.folder,
        count=request.count,
        seed=request.seed,
        workers=request.workers,
        progress=progress,
    )
