"""Tables of a study definition: space, strategy, objective, execution."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tem_rf.architecture.design import STUDY_POOLINGS
from tem_rf.architecture.shape import DEEPEST
from tem_rf.config.marks import SEVERAL, Flags, SeveralNumbers, SeveralWords

StrategyName = Literal["grid", "random", "bayesian", "hyperband"]


def _options(value: Any) -> Any:
    """Read `cores=4` and `queue=gpu` as options with a number and a text."""
    return dict(map(_option, value)) if isinstance(value, list | tuple) else value


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = str(text).partition("=")
    if not equals:
        raise ValueError(f"expected an option and its value, such as queue=gpu, received {text!r}")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value
    return name, parsed if isinstance(parsed, int | float | list) else value  # 04:00:00 stays text


class Section(BaseModel):
    """A table of a definition, or all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Space(Section):
    """Search space of networks."""

    networks: Annotated[SeveralWords, Flags("network")] = Field(
        (), description="Networks by name; if any are given, depths, poolings, dilations and parts are ignored."
    )
    depths: Annotated[tuple[Annotated[int, Field(ge=1, le=DEEPEST)], ...], *SEVERAL, Flags("depth")] = Field(
        (2, 3, 4), description="Depths N: numbers of encoder blocks and poolings."
    )
    poolings: SeveralNumbers = Field(STUDY_POOLINGS, description="Pooling sizes that each level may use.")
    dilations: Annotated[tuple[int | tuple[int, ...], ...], *SEVERAL] = Field(
        (1,),
        description="Dilations: 2 dilates every block by 2; [1, 1, 2] sets one per block, for networks of that depth.",
    )
    parts: SeveralWords = Field(("",), description='Further parts of their names: "", "f8", "k5-average-bilinear".')
    min_field_px: float | None = Field(None, ge=0, examples=[40], description="Minimum receptive field [px].")
    max_field_px: float | None = Field(None, gt=0, examples=[400], description="Maximum receptive field [px].")
    min_field_nm: float | None = Field(None, ge=0, examples=[1.0], description="Minimum receptive field [nm].")
    max_field_nm: float | None = Field(None, gt=0, examples=[8.0], description="Maximum receptive field [nm].")
    within_patch: bool = Field(
        True, description="Only networks whose receptive field is smaller than the training patches."
    )


class Strategy(Section):
    """Order and number of networks to try."""

    name: StrategyName = Field(
        "grid",
        description="grid: all networks in order; random: in random order; bayesian: the most promising first; "
        "hyperband: many networks for a few epochs, the best of them for more.",
    )
    budget: int | None = Field(
        None, ge=1, examples=[30], description="Maximum number of networks per dataset, recipe and start; default: all."
    )
    seed: int = Field(0, ge=0, description="Random seed of the order.")
    min_epochs: int = Field(3, ge=1, description="Hyperband: epochs after which networks are first compared.")
    reduction: int = Field(
        3,
        ge=2,
        description="Hyperband: in each round 1 of this many networks continues, for this many times the epochs.",
    )


class Objective(Section):
    """Objective to maximize: mean over seeds of the best validation hard dice, minus the costs weighted here."""

    parameters_weight: float = Field(0, ge=0, description="Gain in hard dice equivalent to 10 times fewer parameters.")
    time_weight: float = Field(0, ge=0, description="Gain in hard dice equivalent to 10 times less training time.")


class Execution(Section):
    """Where and how the trainings run; may be changed at any time without changing the study."""

    workers: int | None = Field(
        None,
        ge=1,
        examples=[2],
        description="Number of workers; default: one per GPU, or one on the CPU.",
    )
    retries: int = Field(
        2, ge=0, description="Number of retries of a failed training before its trial counts as failed."
    )
    scheduler: str | None = Field(
        None, examples=["tls://node7:8786"], description="Address of a running Dask scheduler."
    )
    scheduler_file: Path | None = Field(
        None, examples=["scheduler.json"], description="Scheduler file of a running Dask scheduler."
    )
    worker_ttl_s: float = Field(
        20,
        ge=5,
        description="Time without a sign of life after which a worker counts as lost [s]; ignored by a running "
        "scheduler, which has its own setting.",
    )
    slurm: Annotated[dict[str, str | int | float | bool | list[str]] | None, BeforeValidator(_options)] = Field(
        None,
        examples=[{"queue": "gpu", "cores": 4, "memory": "16GB", "walltime": "04:00:00"}],
        description="Start the workers as SLURM jobs, with these options of dask_jobqueue.SLURMCluster.",
    )

    PLACES: ClassVar = ("scheduler", "scheduler_file", "slurm")

    @model_validator(mode="after")
    def _is_at_one_place(self) -> Self:
        given = [name for name in self.PLACES if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"execution: {' and '.join(given)} exclude each other; keep only one")
        return self
