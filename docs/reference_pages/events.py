"""The page of events: what runs and studies append to events.jsonl."""

from typing import Any, get_args

from docs.reference_pages.markdown import code
from docs.reference_pages.models import model_section


def events_page() -> str:
    """Every kind of event of runs and studies."""
    from tem_rf.runs.events import AnyEvent, Event
    from tem_rf.study.events import AnyStudyEvent, Worker

    intro = (
        "`events.jsonl` of a run or a study holds one JSON object a line, and is only ever appended to: follow it with "
        "`tail -f`, or read it with `tem_rf.runs.events.read_events`. A reader passes over a torn last line and over "
        "kinds it does not know. NaN and infinities are the texts `NaN`, `Infinity`."
    )
    studies = [event for event in members(AnyStudyEvent) if event not in members(AnyEvent)]
    return "\n\n".join(
        [
            "# Events",
            intro,
            model_section(Event, "Every event"),
            "Its `kind` is the title of the sections below.",
            "## Of a run",
            *(_section(event) for event in members(AnyEvent)),
            "## Of a study",
            "Its driver writes `status` and `notice` as a run does, and these:",
            *(_section(event) for event in studies),
            model_section(Worker, "A worker, in `workers`", 3),
            "",
        ]
    )


def members(union: Any) -> tuple[Any, ...]:
    """The events of an annotated union."""
    return get_args(get_args(union)[0])


def _section(event: Any) -> str:
    kind = event.model_fields["kind"].default
    return model_section(event, code(kind), 3, without=("version", "time", "kind"))
