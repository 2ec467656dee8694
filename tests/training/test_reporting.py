"""A training that waits for its data says so."""

import pytest

from tem_rf.training.reporting import waiting_notice, waits_for_data
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
