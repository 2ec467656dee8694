"""Where a model comes from: its micrographs, its seeds, and how it does on micrographs that it never saw."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["simulated", "measured"]


class MicrographSet(BaseModel):
    """One folder of micrographs that the network was trained, validated or tested on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    micrographs: int
    patches: int
    pixel_size_nm: float | None = Field(None, description="Side of a pixel that was simulated [nm].")
    diameter_nm: float | None = Field(None, description="Mean diameter of the simulated particles [nm].")
    dose_e_per_angstrom2: float | None = Field(None, description="Simulated electrons per Å².")
    defocus_nm: tuple[float, float] | None = Field(None, description="Simulated distance from focus, range [nm].")
    carbon_nm: tuple[float, float] | None = Field(None, description="Simulated thickness of the film, range [nm].")


class SeedScores(BaseModel):
    """One of the runs that differ in nothing but their seed; the best in validation is the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    validation_hard_dice: float
    test_hard_dice: float | None = Field(description="Mean over the test images; None: not evaluated.")


class HeldOutScores(BaseModel):
    """Hard dice on labelled micrographs that are no part of the dataset, whole and treated as a user's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    micrographs: int
    hard_dice: float = Field(description="Mean over the micrographs.")
    hard_dice_sd: float | None = Field(description="Standard deviation over the micrographs; None for one.")
    least_hard_dice: float
