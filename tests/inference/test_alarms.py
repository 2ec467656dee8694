"""A followed session says once when the dose changes or the specimen moves."""

import numpy as np
import pytest

from tem_rf.data.micrograph import Micrograph
from tem_rf.inference.alarms import SessionAlarms

SPECIMEN = np.random.default_rng(5).normal(size=(256, 256))


def frame(mean: float = 100, moved_px: int = 0, dtype: type = np.uint16, seed: int = 0) -> Micrograph:
    """A frame of 192 px of a specimen that has moved."""
    part = SPECIMEN[:192, moved_px : moved_px + 192]
    counts = np.random.default_rng(seed).poisson(mean * (1 + 0.1 * np.clip(part, -3, 3)))
    return Micrograph(counts.astype(dtype), pixel_size_nm=0.1)


def alarms_of(*frames: Micrograph) -> list[str]:
    told: list[str] = []
    alarms = SessionAlarms(told.append)
    for number, one in enumerate(frames, start=1):
        alarms.look(f"frame {number}", one)
    return told


def test_a_steady_session_is_silent() -> None:
    assert alarms_of(*(frame(seed=seed) for seed in range(6))) == []


def test_another_dose_is_told_once_and_its_end_too() -> None:
    lost, back = alarms_of(*(frame(mean, seed=seed) for seed, mean in enumerate([100, 100, 100, 40, 40, 100, 100])))
    assert lost.startswith("Alarm: frame 4: mean of 40")
    assert "0.4 times that of the first frames (100)" in lost
    assert back == "frame 6: mean of 100 counts, as in the first frames again"


def test_8_bit_frames_tell_no_dose() -> None:
    assert alarms_of(*(frame(mean, dtype=np.uint8) for mean in (100, 100, 100, 40))) == []


@pytest.mark.parametrize(("moved_px", "is_told"), [(4, False), (20, True)])
def test_a_specimen_that_moves_by_a_twentieth_of_the_field_is_told(moved_px: int, is_told: bool) -> None:
    told = alarms_of(frame(seed=1), frame(moved_px=moved_px, seed=2), frame(moved_px=moved_px, seed=3))
    assert bool(told) == is_told
    if is_told:
        assert told == ["Alarm: frame 2: the specimen moved by 20 px (2 nm) since the frame before, 10% of the field"]


def test_another_place_of_the_specimen_is_no_drift() -> None:
    elsewhere = np.random.default_rng(9).poisson(100, (192, 192)).astype(np.uint16)
    assert alarms_of(frame(), Micrograph(elsewhere, pixel_size_nm=0.1)) == []


def test_frames_of_another_size_begin_a_new_session() -> None:
    smaller = Micrograph(np.full((96, 96), 20, np.uint16), pixel_size_nm=0.2)
    assert alarms_of(frame(), frame(), frame(), smaller, smaller) == []
