"""Events survive the disk, torn lines and versions to come."""

import math
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tem_rf.errors import DiskFullError
from tem_rf.runs.events import (
    EpochEvent,
    EventLog,
    NoticeEvent,
    StatusEvent,
    StepEvent,
    epochs,
    follow_events,
    parse_event,
    read_events,
)
from tests.helpers.run_folders import epoch_event

EVENTS = st.one_of(
    *(st.builds(kind, time=st.floats()) for kind in (StatusEvent, StepEvent, EpochEvent, NoticeEvent)),
)


@given(EVENTS)
def test_every_event_survives_a_round_trip(event: Any) -> None:
    def comparable(one: Any) -> dict[str, str]:
        return {key: repr(value) for key, value in one.model_dump().items()}

    assert comparable(parse_event(event.model_dump_json())) == comparable(event)


def test_a_loss_that_is_not_a_number_can_be_reported() -> None:
    event = parse_event(epoch_event(1, loss=math.nan).model_dump_json())
    assert math.isnan(event.loss)


def test_a_torn_last_line_is_left_out_and_the_next_event_starts_on_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).write(StatusEvent(state="running"))
    with path.open("ab") as file:
        file.write(b'{"version":1,"kind":"epo')
    EventLog(path).write(StatusEvent(state="stopped"))
    assert [event.state for event in read_events(path)] == ["running", "stopped"]


def test_events_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(
        '{"version":1,"kind":"hologram","time":0}\n' + StatusEvent(state="running").model_dump_json() + "\n"
    )
    assert [event.kind for event in read_events(path)] == ["status"]


def test_following_gives_each_event_once_and_waits_for_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = StatusEvent(state="running").model_dump_json().encode() + b"\n"
    path.write_bytes(line + line[:10])
    events, position = follow_events(path, 0)
    assert len(list(events)) == 1
    path.write_bytes(line + line)
    events, position = follow_events(path, position)
    assert len(list(events)) == 1
    assert position == 2 * len(line)


def test_an_epoch_computed_again_after_a_restart_counts_once() -> None:
    events = [epoch_event(1), epoch_event(2, loss=7.0), epoch_event(2, loss=8.0), epoch_event(3)]
    assert [(event.epoch, event.loss) for event in epochs(events)] == [(1, 0.5), (2, 8.0), (3, 0.5)]


def test_an_event_that_finds_no_room_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.write(StatusEvent(state="running"))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, limits[1]))  # a short write, as a full disk makes
    try:
        with pytest.raises(DiskFullError, match="no space left on the disk"):
            log.write(StatusEvent(state="stopped"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == before
