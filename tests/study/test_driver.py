"""The driver trains every run once, tries again what failed, and goes on where it was; with workers in this process."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tem_rf.errors import RunError
from tem_rf.runs import process
from tem_rf.study.driver import LOSSES_WITHOUT_PROGRESS, Outcome, run_study
from tem_rf.study.execution.pool import RunOutcome
from tem_rf.study.folder import StudyFolder
from tests.helpers.pool_here import PoolHere
from tests.helpers.stub_study import NETWORKS, SEEDS, new_study, run_events, table, trial_ends

RUNS = len(NETWORKS) * len(SEEDS)


@pytest.fixture
def study(tiny_dataset: Path, tmp_path: Path) -> StudyFolder:
    return new_study(tiny_dataset, tmp_path / "study")


@pytest.fixture
def undisturbed(tiny_dataset: Path, tmp_path: Path) -> dict[str, Any]:
    """Table of the same study that nothing happened to."""
    study = new_study(tiny_dataset, tmp_path / "undisturbed")
    run_study(study, lambda _: PoolHere())
    return table(study)


def test_every_run_is_trained_once_and_no_more_are_in_flight_than_workers(study: StudyFolder) -> None:
    pool = PoolHere(workers=3)
    assert run_study(study, lambda _: pool) == Outcome("finished")
    assert sorted(pool.trained) == sorted(table(study))
    assert len(pool.trained) == RUNS
    assert pool.max_in_flight == 3
    assert pool.is_closed
    assert process.state(study) == "finished"
    assert trial_ends(study) == dict.fromkeys(NETWORKS, "finished")


def test_a_finished_study_trains_nothing_again(study: StudyFolder) -> None:
    run_study(study, lambda _: PoolHere())
    before, pool = table(study), PoolHere()
    assert run_study(study, lambda _: pool) == Outcome("finished")
    assert pool.trained == []
    assert table(study) == before


def test_a_run_that_fails_once_is_tried_again_and_leaves_no_trace_in_the_table(
    study: StudyFolder, undisturbed: dict[str, Any]
) -> None:
    def fails_first(run: Path, attempt: int) -> RunOutcome | None:
        return RunOutcome(run, "failed", "here", "a cosmic ray") if attempt == 1 else None

    run_study(study, lambda _: PoolHere(fate=fails_first))
    assert table(study) == undisturbed
    assert {event.detail for event in run_events(study, "failed")} == {"a cosmic ray"}


def test_a_cancelled_run_takes_its_trial_with_it_and_the_study_goes_on(study: StudyFolder) -> None:
    def is_given_up(run: Path, attempt: int) -> RunOutcome | None:
        return RunOutcome(run, "cancelled", "here", "stopped") if f"-{NETWORKS[0]}-" in run.name else None

    pool = PoolHere(workers=1, fate=is_given_up)
    assert run_study(study, lambda _: pool) == Outcome("finished")
    assert sum(f"-{NETWORKS[0]}-" in name for name in pool.trained) == 1  # its other seeds are not begun
    assert trial_ends(study) == dict.fromkeys(NETWORKS, "finished") | {NETWORKS[0]: "failed"}


def test_a_run_that_always_fails_makes_its_trial_fail_with_its_error_and_the_study_goes_on(
    study: StudyFolder, undisturbed: dict[str, Any]
) -> None:
    def one_fails(run: Path, attempt: int) -> RunOutcome | None:
        return RunOutcome(run, "failed", "here", "the loss became nan") if re.search("p24.*-s140", run.name) else None

    pool = PoolHere(fate=one_fails)
    assert run_study(study, lambda _: pool) == Outcome("finished")
    failed = next(name for name in table(study) if re.search("p24.*-s140", name))
    assert pool.trained.count(failed) == 1 + 2  # retries
    assert table(study).pop(failed)[:2] == ("failed", "the loss became nan")
    assert {**table(study), failed: None} == {**undisturbed, failed: None}
    assert trial_ends(study)["n2-p24-f1"] == "failed"


def test_a_failed_trial_is_tried_again_only_on_request(study: StudyFolder, undisturbed: dict[str, Any]) -> None:
    def all_fail(run: Path, attempt: int) -> RunOutcome | None:
        return RunOutcome(run, "failed", "here", "no such GPU")

    run_study(study, lambda _: PoolHere(fate=all_fail))
    pool = PoolHere()
    run_study(study, lambda _: pool)
    assert pool.trained == []
    run_study(study, lambda _: pool, retry_failed=True)
    assert table(study) == undisturbed


def test_lost_runs_are_no_failures_however_often(study: StudyFolder, undisturbed: dict[str, Any]) -> None:
    def lost_often(run: Path, attempt: int) -> RunOutcome | None:
        return RunOutcome(run, "lost", "here", "its worker is gone") if attempt < LOSSES_WITHOUT_PROGRESS else None

    run_study(study, lambda _: PoolHere(fate=lost_often))
    assert table(study) == undisturbed
    assert not run_events(study, "failed")


def test_a_run_that_takes_every_worker_with_it_fails_in_the_end(study: StudyFolder) -> None:
    run_study(study, lambda _: PoolHere(fate=lambda run, attempt: RunOutcome(run, "lost", "here", "gone")))
    details = {result[1] for result in table(study).values()}
    assert details == {f"its worker was lost {LOSSES_WITHOUT_PROGRESS} times without a further epoch"}


def test_a_process_that_ends_well_without_a_result_has_failed(study: StudyFolder) -> None:
    run_study(study, lambda _: PoolHere(fate=lambda run, attempt: RunOutcome(run, "finished", "here")))
    assert trial_ends(study) == dict.fromkeys(NETWORKS, "failed")


def test_a_run_that_another_process_trains_is_waited_for(study: StudyFolder, undisturbed: dict[str, Any]) -> None:
    def busy_first(run: Path, attempt: int) -> RunOutcome | None:
        return RunOutcome(run, "busy", "here", "process 1 on a is training this run") if attempt < 3 else None

    run_study(study, lambda _: PoolHere(fate=busy_first))
    assert table(study) == undisturbed
    notices = Counter(event.message for event in study.events() if event.kind == "notice")
    assert set(notices.values()) == {1}


def test_a_study_that_is_asked_to_stop_trains_no_further_run_and_goes_on_later(
    study: StudyFolder, undisturbed: dict[str, Any]
) -> None:
    def stop_at_first(run: Path, attempt: int) -> RunOutcome | None:
        process.ask(study, "stop")
        return None

    pool = PoolHere(fate=stop_at_first)
    assert run_study(study, lambda _: pool) == Outcome("stopped")
    assert process.state(study) == "stopped"
    assert len(pool.trained) < RUNS
    assert run_study(study, lambda _: PoolHere()) == Outcome("finished")
    assert table(study) == undisturbed


def test_a_driver_that_was_killed_goes_on_where_it_was(study: StudyFolder, undisturbed: dict[str, Any]) -> None:
    class KilledError(BaseException):
        pass

    def killed_after_some(run: Path, attempt: int) -> RunOutcome | None:
        if len(pool.trained) == 4:
            raise KilledError
        return None

    pool = PoolHere(fate=killed_after_some)
    with pytest.raises(KilledError):
        run_study(study, lambda _: pool)
    assert pool.is_closed
    again = PoolHere()
    run_study(study, lambda _: again)
    assert table(study) == undisturbed
    finished = [event.run for event in run_events(study, "finished")]
    assert len(finished) == len(set(finished)) == RUNS


def test_a_second_driver_is_refused_before_it_starts_workers(study: StudyFolder) -> None:
    with process.claim(study), pytest.raises(RunError, match="is running this study"):
        run_study(study, lambda _: pytest.fail("workers were started"))


def test_a_further_seed_of_a_hyperband_study_trains_beside_itself_no_network_that_was_promoted(
    tiny_dataset: Path, tmp_path: Path
) -> None:
    hyperband = {"name": "hyperband", "min_epochs": 1, "reduction": 2}
    study = new_study(tiny_dataset, tmp_path / "study", epochs=4, strategy=hyperband)
    run_study(study, lambda _: PoolHere())
    more = study.definition.model_copy(update={"seeds": (*SEEDS, 9213)})
    study = StudyFolder.create_or_open(study.path, more, extend=True)
    pool = PoolHere(workers=4)
    assert run_study(study, lambda _: pool) == Outcome("finished")
    assert all("s9213" in run for run in pool.trained)
    assert all(run.is_scored for run in study.runs())
    assert len(study.runs()) == len(NETWORKS) * 3


def test_117_networks_of_two_seeds_are_complete_and_none_is_trained_twice(tiny_dataset: Path, tmp_path: Path) -> None:
    networks = [f"n2-p{pooling}-f{filters}" for pooling in (22, 24, 42) for filters in range(5, 44)]
    study = new_study(tiny_dataset, tmp_path / "study", networks=networks, epochs=1)
    pool = PoolHere(workers=8)
    run_study(study, lambda _: pool)
    assert len(pool.trained) == len(set(pool.trained)) == 117 * 2
    assert all(run.is_scored for run in study.runs())
    assert trial_ends(study) == dict.fromkeys(networks, "finished")
