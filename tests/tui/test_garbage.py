"""Garbage is collected while nobody types."""

import gc
from collections.abc import Callable, Iterator

import pytest

from tem_rf_tui import garbage
from tem_rf_tui.garbage import GarbageInPauses


class _Timers:
    """An app whose timers end when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.repeated: list[Callable[[], None]] = []

    def set_timer(self, delay: float, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)

    def set_interval(self, interval: float, callback: Callable[[], None]) -> None:
        self.repeated.append(callback)

    def end(self) -> None:
        self.waiting.pop()()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be changed by the test."""
    now = [100.0]
    monkeypatch.setattr(garbage.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Generations that were collected; Python's own collection is as before afterwards."""
    generations: list[int] = []
    monkeypatch.setattr(garbage.gc, "collect", lambda generation=2: generations.append(generation))
    monkeypatch.setattr(garbage.gc, "freeze", lambda: generations.append(-1))
    before = gc.get_threshold()
    yield generations
    gc.set_threshold(*before)


def test_new_garbage_waits_for_a_pause_between_keys(clock: list[float], collected: list[int]) -> None:
    app = _Timers()
    pauses = GarbageInPauses(app)  # type: ignore[arg-type]
    for _ in range(5):
        clock[0] += 0.03
        pauses.note_key()
    assert len(app.waiting) == 1
    app.end()
    assert not collected  # the last key has just come
    clock[0] += 0.2
    app.end()
    assert collected == [1]
    assert not app.waiting


def test_old_garbage_is_collected_every_few_seconds_while_keys_come(clock: list[float], collected: list[int]) -> None:
    app = _Timers()
    pauses = GarbageInPauses(app)  # type: ignore[arg-type]
    for _ in range(20):
        clock[0] += 0.5
        pauses.note_key()
        clock[0] += 0.2
        app.end()
    assert collected.count(2) == 4  # in 14 s
    assert collected.count(1) == 20 - collected.count(2)


def test_a_key_that_is_held_down_does_not_put_it_off_for_ever(clock: list[float], collected: list[int]) -> None:
    app = _Timers()
    pauses = GarbageInPauses(app)  # type: ignore[arg-type]
    for _ in range(250):
        clock[0] += 0.05
        pauses.note_key()
        app.end()
    assert collected == [2]  # in 12.5 s


def test_all_garbage_waits_for_silence_and_what_is_kept_is_frozen_once(
    clock: list[float], collected: list[int]
) -> None:
    app = _Timers()
    pauses = GarbageInPauses(app)  # type: ignore[arg-type]
    pauses.note_key()
    app.repeated[0]()
    assert not collected
    clock[0] += 10
    app.repeated[0]()
    app.repeated[0]()
    assert collected == [2, -1, 2]


def test_python_collects_by_itself_only_after_many_keys(clock: list[float], collected: list[int]) -> None:
    GarbageInPauses(_Timers())  # type: ignore[arg-type]
    assert gc.get_threshold()[0] >= 10_000
