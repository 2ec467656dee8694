"""Oracles hand out each network once, in any order, across restarts and kills."""

import random
import shutil
import statistics
from pathlib import Path
from typing import Any

import pytest

from tem_rf.architecture.design import enumerate_architectures
from tem_rf.architecture.receptive_field import equation_size
from tem_rf.study.definition.sections import Strategy
from tem_rf.study.search.oracle import EPOCHS, architecture_of, declare, values_of
from tem_rf.study.search.strategies import plan_brackets

NETWORKS = enumerate_architectures([2, 3, 4])


def open_oracle(
    folder: Path, strategy: str = "grid", *, networks: Any = NETWORKS, epochs: int = 27, **settings: Any
) -> Any:
    from tem_rf.study.search.strategies import open_oracle

    return open_oracle(Strategy(name=strategy, **settings), networks, folder, epochs=epochs)


def dice(trial: Any) -> float:
    """Something smooth to be searched: best at a field of 200 px."""
    return 1 - abs(equation_size(architecture_of(trial.hyperparameters.values)) - 200) / 4000


def name(trial: Any) -> str:
    return architecture_of(trial.hyperparameters.values).name


def members(oracle: Any, bracket: int, rung: int) -> list[Any]:
    """The trials of a rung, by the values that KerasTuner writes to disk."""
    place = {"tuner/bracket": bracket, "tuner/round": rung}
    return [trial for trial in oracle.trials.values() if place.items() <= trial.hyperparameters.values.items()]


def hand_out_all(oracle: Any, in_flight: int = 4) -> list[str]:
    """Have everything tried, with several trials under way; the names in order."""
    names: list[str] = []
    running: list[Any] = []
    while True:
        while len(running) < in_flight and (trial := oracle.next_trial()):
            names.append(name(trial))
            running.append(trial)
        if not running:
            assert oracle.is_finished
            return names
        trial = running.pop(0)
        oracle.finish(trial.trial_id, dice(trial))


@pytest.mark.parametrize("strategy", ["grid", "random", "bayesian"])
def test_every_network_is_handed_out_once(strategy: str, tmp_path: Path) -> None:
    networks = NETWORKS if strategy != "bayesian" else enumerate_architectures([2, 3])
    names = hand_out_all(open_oracle(tmp_path / "part", strategy, networks=networks))
    assert len(names) == len(networks)
    assert set(names) == {each.name for each in networks}


def test_the_grid_keeps_its_order_and_random_does_not(tmp_path: Path) -> None:
    networks = NETWORKS[:20]
    in_order = [each.name for each in networks]
    assert hand_out_all(open_oracle(tmp_path / "grid", networks=networks)) == in_order
    one, other, again = (
        hand_out_all(open_oracle(tmp_path / f"{number}", "random", networks=networks, seed=seed))
        for number, seed in enumerate((0, 1, 0))
    )
    assert in_order != one != other
    assert again == one


def test_levels_that_a_network_lacks_make_no_other_network_of_it() -> None:
    hyperparameters = declare(NETWORKS)
    for each in NETWORKS:
        hyperparameters.values = values_of(each)
        hyperparameters.ensure_active_values()
        assert hyperparameters.values == values_of(each)


def test_a_budget_ends_the_search_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    first = hand_out_all(open_oracle(tmp_path / "part", "random", budget=10))
    more = hand_out_all(open_oracle(tmp_path / "part", "random", budget=15))
    assert (len(first), len(more), len({*first, *more})) == (10, 5, 15)


def test_networks_that_are_added_are_handed_out_and_no_other(tmp_path: Path) -> None:
    hand_out_all(open_oracle(tmp_path / "part", networks=enumerate_architectures([2])))
    more = hand_out_all(open_oracle(tmp_path / "part", networks=enumerate_architectures([2, 3])))
    assert more == [each.name for each in enumerate_architectures([3])]


def test_bayesian_tries_promising_networks_first(tmp_path: Path) -> None:
    everything = [1 - abs(equation_size(each) - 200) / 4000 for each in NETWORKS]
    oracle = open_oracle(tmp_path / "part", "bayesian", budget=30)
    hand_out_all(oracle)
    last = [trial.score for trial in oracle.trials.values()][-10:]
    assert statistics.fmean(last) > statistics.quantiles(everything, n=4)[2]


def test_what_was_under_way_is_handed_out_again_first(tmp_path: Path) -> None:
    oracle = open_oracle(tmp_path / "part")
    lost = [oracle.next_trial() for _ in range(3)]
    oracle.finish(lost[1].trial_id, 0.5)
    again = open_oracle(tmp_path / "part")
    handed_out = [again.next_trial().trial_id for _ in range(3)]
    assert handed_out == [lost[0].trial_id, lost[2].trial_id, "0003"]


def test_a_trial_told_twice_counts_once_with_what_was_told_last(tmp_path: Path) -> None:
    oracle = open_oracle(tmp_path / "part")
    trial = oracle.next_trial()
    oracle.finish(trial.trial_id, 0.25)
    oracle.hand_out_again(trial.trial_id)
    assert oracle.next_trial().trial_id == trial.trial_id
    oracle.finish(trial.trial_id, 0.5)
    assert (oracle.trials[trial.trial_id].score, oracle.end_order) == (0.5, [trial.trial_id])


def test_a_failed_trial_ends_and_the_search_goes_on(tmp_path: Path) -> None:
    oracle = open_oracle(tmp_path / "part", networks=enumerate_architectures([2]))
    for _ in range(9):
        oracle.fail(oracle.next_trial().trial_id, "the loss became NaN")
    assert oracle.next_trial() is None
    assert oracle.is_finished
    assert {trial.message for trial in open_oracle(tmp_path / "part").trials.values()} == {"the loss became NaN"}


def test_a_trial_written_before_the_list_of_trials_was_handed_to_nobody(tmp_path: Path) -> None:
    oracle = open_oracle(tmp_path / "part")
    oracle.finish(oracle.next_trial().trial_id, 0.5)
    before = (tmp_path / "part" / "oracle.json").read_bytes()
    unknown = oracle.next_trial()
    (tmp_path / "part" / "oracle.json").write_bytes(before)  # as if killed between the two files
    again = open_oracle(tmp_path / "part")
    assert len(again.trials) == 1
    assert name(again.next_trial()) == name(unknown)


def test_a_trial_that_ended_before_the_list_says_so_is_not_handed_out_again(tmp_path: Path) -> None:
    oracle = open_oracle(tmp_path / "part")
    trial = oracle.next_trial()
    before = (tmp_path / "part" / "oracle.json").read_bytes()
    oracle.finish(trial.trial_id, 0.5)
    (tmp_path / "part" / "oracle.json").write_bytes(before)
    again = open_oracle(tmp_path / "part")
    assert again.end_order == [trial.trial_id]
    assert again.next_trial().trial_id != trial.trial_id


@pytest.mark.parametrize("content", [b"", b'{"start_order": [', b"{}"])
def test_a_damaged_list_of_trials_begins_anew(content: bytes, tmp_path: Path) -> None:
    oracle = open_oracle(tmp_path / "part")
    oracle.finish(oracle.next_trial().trial_id, 0.5)
    (tmp_path / "part" / "oracle.json").write_bytes(content)
    assert name(open_oracle(tmp_path / "part").next_trial()) == NETWORKS[0].name


def test_half_written_files_of_killed_writers_are_removed(tmp_path: Path) -> None:
    oracle = open_oracle(tmp_path / "part")
    trial = oracle.next_trial()
    left = [tmp_path / "part" / ".oracle.abcd_123.json"]
    left.append(tmp_path / "part" / f"trial_{trial.trial_id}" / ".trial.abcd_123.json")
    for path in left:
        path.write_text("{")
    open_oracle(tmp_path / "part")
    assert [path.exists() for path in left] == [False, False]


@pytest.mark.parametrize("networks", [1, 9, 20, 117])
def test_a_plan_of_brackets_uses_each_network_once(networks: int) -> None:
    brackets = plan_brackets(networks, epochs=100, min_epochs=3, reduction=3)
    assert sum(bracket[0].networks for bracket in brackets) == networks
    for bracket in brackets:
        assert bracket[-1].epochs == 100
        assert [rung.networks for rung in bracket] == sorted((rung.networks for rung in bracket), reverse=True)


def test_fewer_epochs_than_the_first_rung_leave_one_rung() -> None:
    assert [len(bracket) for bracket in plan_brackets(9, epochs=2, min_epochs=3, reduction=3)] == [1]


def test_hyperband_tries_all_and_trains_the_best_longest(tmp_path: Path) -> None:
    oracle = open_oracle(tmp_path / "part", "hyperband")
    hand_out_all(oracle, in_flight=40)
    epochs: dict[str, int] = {}
    for trial in oracle.trials.values():
        epochs[name(trial)] = max(epochs.get(name(trial), 0), trial.hyperparameters.values[EPOCHS])
    assert set(epochs) == {each.name for each in NETWORKS}
    brackets = plan_brackets(117, epochs=27, min_epochs=3, reduction=3)
    assert sorted(epochs.values()).count(27) == sum(bracket[-1].networks for bracket in brackets)
    for bracket, rungs in enumerate(brackets):
        for rung in range(1, len(rungs)):
            below, above = (members(oracle, bracket, each) for each in (rung - 1, rung))
            assert len(above) == rungs[rung].networks
            best = sorted((trial.score for trial in below), reverse=True)[: len(above)]
            assert sorted((trial.score for trial in above), reverse=True) == best


def test_hyperband_trains_the_only_network_that_does_not_fail_to_the_end(tmp_path: Path) -> None:
    oracle = open_oracle(tmp_path / "part", "hyperband", networks=NETWORKS[:20])
    first = oracle.next_trial()
    oracle.finish(first.trial_id, dice(first))
    while trial := oracle.next_trial():
        if name(trial) == name(first):
            oracle.finish(trial.trial_id, dice(trial))
        else:
            oracle.fail(trial.trial_id, "no memory")
    assert oracle.is_finished
    epochs = [trial.hyperparameters.values[EPOCHS] for trial in oracle.trials.values() if name(trial) == name(first)]
    assert epochs == [3, 9, 27]


def test_a_larger_budget_promotes_no_network_beyond_its_plan(tmp_path: Path) -> None:
    hand_out_all(open_oracle(tmp_path / "part", "hyperband", networks=NETWORKS[:20], budget=10), in_flight=4)
    oracle = open_oracle(tmp_path / "part", "hyperband", networks=NETWORKS[:20], budget=11)
    before = len(members(oracle, 0, 1))
    assert before > plan_brackets(11, epochs=27, min_epochs=3, reduction=3)[0][1].networks
    hand_out_all(oracle, in_flight=4)
    assert len(members(oracle, 0, 1)) == before


def test_hyperband_with_all_trials_failing_ends(tmp_path: Path) -> None:
    oracle = open_oracle(tmp_path / "part", "hyperband", networks=NETWORKS[:20])
    while trial := oracle.next_trial():
        oracle.fail(trial.trial_id, "no memory")
    assert oracle.is_finished
    assert len(oracle.trials) == 20


@pytest.mark.parametrize("strategy", ["grid", "random", "bayesian", "hyperband"])
def test_restarted_after_every_answer_it_does_what_it_would_have_done(strategy: str, tmp_path: Path) -> None:
    """One trial at a time, so that the order of answers is the same."""
    networks = NETWORKS[:20]
    at_once = hand_out_all(open_oracle(tmp_path / "whole", strategy, networks=networks), in_flight=1)
    names = []
    while trial := (oracle := open_oracle(tmp_path / "part", strategy, networks=networks)).next_trial():
        oracle.finish(trial.trial_id, dice(trial))
        names.append(name(trial))
    assert names == at_once


@pytest.mark.parametrize("strategy", ["grid", "hyperband"])
def test_any_earlier_list_of_trials_leads_to_the_same_end(strategy: str, tmp_path: Path) -> None:
    """A disk that lost the last writes of `oracle.json`, at random places."""
    rng = random.Random(0)
    networks = NETWORKS[:20]
    oracle, copy = open_oracle(tmp_path / "part", strategy, networks=networks), tmp_path / "oracle.json"
    finished: list[str] = []
    while not oracle.is_finished:
        trial = oracle.next_trial()
        if trial is not None:
            if (tmp_path / "part" / "oracle.json").exists() and rng.random() < 0.3:
                shutil.copy(tmp_path / "part" / "oracle.json", copy)
            oracle.finish(trial.trial_id, dice(trial))
            finished.append(name(trial))
            if copy.exists() and rng.random() < 0.3:
                shutil.move(copy, tmp_path / "part" / "oracle.json")
                oracle = open_oracle(tmp_path / "part", strategy, networks=networks)
    assert set(finished) == {each.name for each in networks}
    assert {name(trial) for trial in oracle.trials.values()} == {each.name for each in networks}
