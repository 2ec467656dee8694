"""Simulate micrographs with exact masks."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from tem_rf.config.marks import Choices, Existing, Flags, Group, Positional
from tem_rf.config.simulation import PRESETS, SimulationSettings, simulation_settings
from tem_rf.errors import SettingsError
from tem_rf.jobs.request import Request


class SimulateRequest(Request):
    """Micrographs of particles on a carbon film to simulate, each with its exact mask."""

    command = ("simulate",)

    preset: Annotated[str, Positional(), Choices(tuple(PRESETS))] = Field(
        "au-5nm", description="What to simulate: a preset, or the .json file of one."
    )
    output: Annotated[Path | None, Flags("output", "o")] = Field(
        None, description="Folder to write; default: simulated/PRESET."
    )
    like: Annotated[Path | None, Existing()] = Field(
        None,
        description="Folder of your micrographs, best with masks, to fit dose, blur, contrast and film to. Writes a "
        "preset, FOLDER.json or the .json file of the output, and simulates nothing. Other settings that you give are "
        "kept.",
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
        own_preset = Path(self.preset)
        return self.output or Path("simulated") / (own_preset.stem if own_preset.suffix == ".json" else self.preset)

    @property
    def fitted_preset(self) -> Path | None:
        """The preset file that is written in place of micrographs, if there are any to fit one to.

        Raises:
            SettingsError: The output is no .json file, or one that exists.
        """
        if self.like is None:
            return None
        file = self.output or Path(f"{self.like.resolve().name or 'fitted'}.json")
        if file.suffix != ".json":
            raise SettingsError(f"`output`: expected a .json file for the fitted preset, received {file}.")
        if file.exists():
            raise SettingsError(f"`output`: {file} exists; remove it or choose another file for the fitted preset.")
        return file

    @property
    def given(self) -> dict[str, Any]:
        """The settings of the simulation that were given, also those that the preset has anyway."""
        return {name: getattr(self.simulation, name) for name in self.simulation.model_fields_set - {"preset"}}


def simulate(
    request: SimulateRequest, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Path]:
    """Simulate micrographs.

    Args:
        request: What to simulate.
        progress: Called with the numbers of micrographs done and requested.

    Returns:
        The image files, in order; the label of images/NAME.tif is labels/NAME.tif. With `like`, the preset file alone.

    Raises:
        DatasetError: The folder contains something else, or `like` contains no micrographs that can be measured.
        ReadError: A micrograph of `like`, its label or a CIF file cannot be read.
        SettingsError: There is no such material, or particles do not fit.
        StorageError: The disk is full or the folder is not writable.
    """
    if request.like is not None and (preset_file := request.fitted_preset):
        from tem_rf.data.simulation.like import fit_preset

        fit_preset(
            request.like,
            preset_file,
            preset=request.preset,
            pixel_size_nm=request.given.get("pixel_size_nm"),
            held=request.given,
            seed=request.seed,
            progress=progress,
        )
        return [preset_file]
    from tem_rf.data.simulation.simulate import simulate_micrographs

    return simulate_micrographs(
        request.simulation,
        request.folder,
        count=request.count,
        seed=request.seed,
        workers=request.workers,
        progress=progress,
    )
