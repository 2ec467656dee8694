"""Events of a study, which its driver appends to `events.jsonl`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tem_rf.runs.events import Event, NoticeEvent, StatusEvent, follow_lines


class TrialEvent(Event):
    """A trial was started, or all of its runs have ended."""

    kind: Literal["trial"] = "trial"
    state: Literal["started", "finished", "failed"]
    trial: str = Field(description="Identifier of the trial.")
    setup: str = Field(
        validation_alias=AliasChoices("setup", "part"),  # the name in earlier studies
        description="Dataset and recipe.",
    )
    architecture: str = Field(description="Name of the network.")
    objective: float | None = Field(None, description="Its objective, if it finished.")
    detail: str = Field("", description="Why it failed.")


class RunEvent(Event):
    """A run was submitted to a worker, or returned by it."""

    kind: Literal["run"] = "run"
    state: Literal["started", "finished", "failed", "lost", "cancelled"]
    run: str = Field(description="Name of the run.")
    worker: str = Field("", description="Name of the worker.")
    detail: str = Field("", description="Why it failed, or was lost.")


class Worker(BaseModel):
    """A worker at one moment."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    state: Literal["idle", "busy", "lost"]
    host: str = ""
    device: str = Field("", description="GPU or CPU that it trains on.")
    run: str = Field("", description="Name of the run it trains.")


class WorkersEvent(Event):
    """The workers of the study; emitted when they change."""

    kind: Literal["workers"] = "workers"
    workers: tuple[Worker, ...]


AnyStudyEvent = Annotated[StatusEvent | TrialEvent | RunEvent | WorkersEvent | NoticeEvent, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[AnyStudyEvent] = TypeAdapter(AnyStudyEvent)


def parse_study_event(line: bytes | str) -> AnyStudyEvent | None:
    """Read one line; None for an incomplete line or an event type of a later version."""
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError:
        return None


def follow_study_events(path: Path, start: int) -> tuple[Iterator[AnyStudyEvent], int]:
    """Return the events of a study appended since byte `start`, and the byte to continue from."""
    return follow_lines(path, start, parse_study_event)
