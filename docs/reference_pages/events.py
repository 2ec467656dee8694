"""The page of events: the lines that runs and studies append to events.jsonl."""

from typing import Any, get_args

from docs.reference_pages.markdown import code
from docs.reference_pages.models import model_section


def events_page() -> str:
    """Return the page: every kind of event of runs and studies."""
    from tem_rf.runs.events import AnyEvent, Event
    from tem_rf.study.events import AnyStudyEvent, Worker

    intro = (
        "`events.jsonl` of a run or a study contains one JSON object per line. Lines are only appended: follow it "
        "with `tail -f`, or read it with `tem_rf.runs.events.read_events`. Readers skip an incomplete last line and "
        "unknown kinds of events. NaN and infinity are stored as the strings `NaN` and `Infinity`."
    )
    studies = [event for event in members(AnyStudyEvent) if event not in members(AnyEvent)]
    return "\n\n".join(
        [
            "# Events",
            intro,
            model_section(Event, "Every event"),
            "The sections below are named after the `kind` of the event.",
            "## Events of a run",
            *(_section(event) for event in members(AnyEvent)),
            "## Events of a study",
            "The driver writes `status` and `notice` like a run, and these events:",
            *(_section(event) for event in studies),
            model_section(Worker, "A worker, in `workers`", 3),
            "",
        ]
    )


def members(union: Any) -> tuple[Any, ...]:
    """Return the events of an annotated union."""
    return get_args(get_args(union)[0])


def _section(event: Any) -> str:
    kind = event.model_fields["kind"].default
    return model_section(event, code(kind), 3, without=("version", "time", "kind"))
