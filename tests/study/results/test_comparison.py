"""A difference counts where test images and seeds drawn anew would show it too."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap

from tem_rf.errors import StudyError
from tem_rf.evaluation.trials import RunResult, TrialResult, read_results
from tem_rf.runs.root import list_runs
from tem_rf.study.results.comparison import compare_trials, find_best
from tests.helpers.run_folders import patches, write_run


def trial_of(folder: Path, network: str, scores_by_seed: Any) -> TrialResult:
    """A trial with the given dice: per seed, micrograph and patch."""
    run = write_run(folder, network)
    runs = tuple(
        RunResult(
            run, run.config.model_copy(update={"seed": seed}), "finished", "", (),
            tuple(score for index, dice in enumerate(micrographs) for score in patches(f"m{index}", dice)),
        )
        for seed, micrographs in enumerate(scores_by_seed)
    )  # fmt: skip
    return TrialResult("au-5nm", "", runs)


def two_trials(folder: Path, one: Any, other: Any) -> tuple[TrialResult, TrialResult]:
    return trial_of(folder, "n2-p22", one), trial_of(folder, "n2-p44", other)


def test_means_and_difference_are_over_the_images_that_both_have(tmp_path: Path) -> None:
    one, other = two_trials(tmp_path, [[[0.8, 0.6], [0.1]], [[1.0, 0.8], [0.3]]], [[[0.5, 0.7], [0.0]]])
    found = compare_trials(one, other)
    assert found.one_mean == pytest.approx((0.9 + 0.7 + 0.2) / 3)
    assert found.other_mean == pytest.approx(0.4)
    assert found.difference == pytest.approx(0.2)
    assert (found.images, found.micrographs, found.seeds) == (3, 2, (2, 1))


def test_more_patches_of_the_same_micrographs_do_not_narrow_the_interval(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    dice = draw.uniform(0.5, 0.9, (2, 1, 8, 1))
    few = compare_trials(*two_trials(tmp_path, *dice))
    many = compare_trials(*two_trials(tmp_path, *np.repeat(dice, 10, axis=3)))
    assert (many.low, many.high) == pytest.approx((few.low, few.high), abs=1e-12)


def test_with_a_patch_per_micrograph_and_one_seed_the_interval_is_that_of_scipy(tmp_path: Path) -> None:
    one, other = np.random.default_rng(1).uniform(0.5, 0.9, (2, 12))
    found = compare_trials(*two_trials(tmp_path, one[None, :, None], other[None, :, None]))
    expected = bootstrap((one - other,), np.mean, method="percentile", rng=np.random.default_rng(2)).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.003)


def _chance(
    draw: np.random.Generator, seeds: int, micrographs: Any, patches_each: Any, *, shift: Any = 0.0
) -> np.ndarray:
    """Dice of one trial: places are hard or easy, seeds are lucky or not, alike for both trials but for the shift."""
    luck = draw.normal(0, 0.02, (seeds, 1, 1)) + draw.normal(0, 0.04, (seeds, micrographs, 1))
    return 0.7 + shift + luck + draw.normal(0, 0.01, (seeds, micrographs, patches_each))


def test_equal_trials_are_seldom_told_apart_and_unequal_ones_mostly(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    shells = two_trials(tmp_path, [[[0.5]]], [[[0.5]]])
    told = {0.0: 0, 0.12: 0}
    for shift in told:
        for _ in range(60):
            trials = []
            for shell, more in zip(shells, (0.0, shift), strict=True):
                dice = _chance(draw, 4, 10, 6, shift=more)
                runs = tuple(
                    RunResult(
                        shell.runs[0].run, shell.config.model_copy(update={"seed": seed}), "finished", "", (),
                        tuple(score for index, values in enumerate(each) for score in patches(f"m{index}", values)),
                    )
                    for seed, each in enumerate(dice)
                )  # fmt: skip
                trials.append(TrialResult("au-5nm", "", runs))
            told[shift] += compare_trials(*trials, resamples=500).is_distinguishable
    assert told[0.0] <= 9  # 5 % are 3 of 60; drawing patches by themselves, of fixed seeds, tells 40 apart
    assert told[0.12] >= 57


def test_which_is_better_is_said_in_words_whichever_way_the_score_goes(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    good, bad = 0.9 + draw.uniform(0, 0.02, (2, 8, 1)), 0.5 + draw.uniform(0, 0.02, (2, 8, 1))
    one, other = two_trials(tmp_path, good, bad)
    for metric in ("hard_dice", "hausdorff95_px"):
        for pair in ((one, other), (other, one)):
            verdict = compare_trials(*pair, metric=metric).verdict
            assert verdict.startswith(f"au-5nm-n2-p22 is better than au-5nm-n2-p44 in {metric.replace('_', ' ')} (")
    same = compare_trials(one, one)
    assert same.verdict.startswith("Not distinguishable in hard dice (+0.0000, 95% interval -")


def test_few_micrographs_decide_nothing_and_one_seed_is_mentioned(tmp_path: Path) -> None:
    few = compare_trials(*two_trials(tmp_path, [[[0.9]] * 5], [[[0.1]] * 5]))
    assert not few.is_distinguishable
    assert "expected at least 6 test micrographs, received 5" in few.verdict
    enough = compare_trials(*two_trials(tmp_path, [[[0.9]] * 6], [[[0.1]] * 6]))
    assert enough.is_distinguishable
    assert "with one seed, variation between seeds is unknown" in enough.verdict


def test_the_same_seed_gives_the_same_interval(tmp_path: Path) -> None:
    trials = two_trials(tmp_path, *np.random.default_rng(5).uniform(0.5, 0.9, (2, 2, 7, 3)))
    assert compare_trials(*trials) == compare_trials(*trials)
    assert compare_trials(*trials) != compare_trials(*trials, seed=1)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path, "n2-p22", sha256="a" * 64, dataset="one")
    write_run(tmp_path, "n2-p22", sha256="b" * 64, dataset="other")
    write_run(tmp_path, "n2-p44", sha256="b" * 64, dataset="other", dice=None)
    write_run(tmp_path, "n2-p88", sha256="b" * 64, dataset="other", dice={"elsewhere": [0.5]})
    one, other, unscored, elsewhere = read_results(list_runs(tmp_path)).trials
    with pytest.raises(StudyError, match=r"were scored on different images \(one and other\)"):
        compare_trials(one, other)
    with pytest.raises(StudyError, match=r"other-n2-p44: has no scores \(1 not scored\)"):
        compare_trials(other, unscored)
    with pytest.raises(StudyError, match="no test image has a hard_dice in both"):
        compare_trials(other, elsewhere)
    with pytest.raises(StudyError, match="score 'beauty': expected one of soft_dice"):
        compare_trials(other, other, metric="beauty")


def test_the_best_trial_is_complete_and_held_against_the_others(tmp_path: Path) -> None:
    for network, dice in (("n2-p22", 0.5), ("n2-p44", 0.9)):
        write_run(tmp_path, network, dice={f"m{index}": [dice + index / 1000] for index in range(7)})
    write_run(tmp_path, "n2-p88", seed=1, dice=0.99)
    write_run(tmp_path, "n2-p88", seed=2, state="failed")
    (finding,) = find_best(read_results(list_runs(tmp_path)))
    assert finding.best == "au-5nm-n2-p44"
    assert [comparison.other for comparison in finding.comparisons] == ["au-5nm-n2-p22"]
    assert "1 of the other 1 are distinguishable from it" in finding.sentence
