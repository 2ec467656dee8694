"""What a training tells about itself: that it waits for data, that it is too short for averaged weights."""

import pytest

from tem_rf.training.reporting import short_averaging_notice, waiting_notice, waits_for_data
from tests.helpers.run_folders import epoch_event


@pytest.mark.parametrize(
    ("input_wait", "duration_s", "waits"), [(0.04, 100.0, False), (0.06, 100.0, True), (0.06, 1.0, False)]
)
def test_more_than_a_twentieth_of_an_epoch_of_some_length_is_too_much(
    input_wait: float, duration_s: float, waits: bool
) -> None:
    assert waits_for_data(epoch_event(1, input_wait=input_wait, duration_s=duration_s)) is waits


def test_the_notice_names_the_epoch_and_the_part() -> None:
    assert "Epoch 4 spent 12% of its time waiting for data" in waiting_notice(epoch_event(4, input_wait=0.12)).message


def test_averaged_weights_that_still_hold_the_start_are_reported_with_a_momentum_that_does_not() -> None:
    notice = short_averaging_notice(0.99, steps=130)
    assert notice is not None
    assert "keeps 27% of the initial weights after the 130 steps" in notice.message
    assert "use at most 0.97" in notice.message
    assert short_averaging_notice(0.97, steps=130) is None
    assert short_averaging_notice(0.99, steps=400) is None
