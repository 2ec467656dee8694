"""A run can be asked for more epochs, before, while and after it trains."""

from typing import Any

import pytest

from tem_rf.errors import RunError
from tem_rf.runs import RunConfig, RunFolder, process
from tem_rf.runs.events import NoticeEvent, StatusEvent
from tem_rf.runs.extension import extend, is_complete, open_or_extend
from tests.helpers.run_folders import epoch_event


def with_epochs(config: Any, epochs: int) -> RunConfig:
    return config.model_copy(update={"training": config.training.model_copy(update={"epochs": epochs})})


@pytest.fixture
def finished(run: RunFolder) -> RunFolder:
    run.event_log().write(epoch_event(3, epochs=3))
    run.event_log().write(StatusEvent(state="finished"))
    return run


def test_more_epochs_are_recorded_and_the_run_is_no_longer_complete(finished: RunFolder) -> None:
    assert is_complete(finished)
    extend(finished, 5)
    assert RunFolder.open(finished.path).config.training.epochs == 5
    last = finished.events()[-1]
    assert (last.state, last.detail) == ("stopped", "5 epochs requested instead of 3")
    assert not is_complete(finished)


def test_a_run_is_not_complete_where_the_extension_came_as_it_finished(finished: RunFolder, config: RunConfig) -> None:
    finished.config_file.write_text(with_epochs(config, 5).model_dump_json())
    assert process.state(finished) == "finished"
    assert not is_complete(finished)


def test_a_run_that_trains_is_extended_without_a_change_of_its_state(run: RunFolder) -> None:
    with process.claim(run):
        run.event_log().write(StatusEvent(state="running"))
        extend(run, 5)
        assert process.state(run) == "running"
        assert isinstance(run.events()[-1], NoticeEvent)


def test_as_many_epochs_as_before_change_nothing(finished: RunFolder) -> None:
    before = finished.events()
    extend(finished, 3)
    assert finished.events() == before


def test_fewer_epochs_are_refused(run: RunFolder) -> None:
    with pytest.raises(RunError, match="`epochs` 2 is fewer than the 3 already requested"):
        extend(run, 2)


def test_the_same_command_with_more_epochs_extends_and_with_another_setting_is_refused(
    run: RunFolder, config: RunConfig
) -> None:
    assert open_or_extend(run.path, with_epochs(config, 4)).config.training.epochs == 4
    with pytest.raises(RunError, match="contains a run with seed 752, received 140"):
        open_or_extend(run.path, with_epochs(config, 9).model_copy(update={"seed": 140}))
    assert run.config.training.epochs == 4


def test_a_learning_rate_that_falls_to_zero_starts_again_where_it_was_to_end(run: RunFolder) -> None:
    cosine = run.config.training.model_copy(update={"learning_rate_schedule": "cosine"})
    config = run.config.model_copy(update={"training": cosine})
    other = RunFolder.create_or_open(run.path.with_name("cosine"), config)
    extend(other, 3)
    assert other.config.restarts == ()
    extend(other, 5)
    assert open_or_extend(other.path, with_epochs(config, 9)).config.restarts == (3, 5)


def test_a_run_that_is_out_of_patience_is_complete_however_many_epochs_are_asked_for(
    run: RunFolder, config: RunConfig
) -> None:
    patient = config.training.model_copy(update={"early_stopping_patience": 2})
    other = RunFolder.create_or_open(run.path.with_name("patient"), config.model_copy(update={"training": patient}))
    for number in (1, 2, 3):
        other.event_log().write(epoch_event(number, epochs=3, is_best=number == 1))
    other.event_log().write(StatusEvent(state="finished"))
    extend(other, 9)
    assert not is_complete(other)  # its process has not looked yet
    other.event_log().write(StatusEvent(state="finished"))
    assert is_complete(other)
