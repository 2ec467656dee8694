"""Statistics of experiments, by hand, by other libraries, and by distributions whose parameters are known."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture

from tem_rf.experiment.comparison import compare, confidence_intervals
from tem_rf.experiment.distribution import describe, fit_distributions, weighted_median
from tem_rf.experiment.edges import edge_weights
from tem_rf.experiment.images import Experiment, SampledImage


def image(*diameters: float, name: str = "a.tif", area: float = 100.0) -> SampledImage:
    values = np.array(diameters, float)
    return SampledImage(name, values, np.ones(len(values)), np.zeros(len(values), bool), area)


def experiment(*images: SampledImage) -> Experiment:
    return Experiment(Path("x"), "nm", images, ())


def test_pooled_statistics_have_their_n() -> None:
    cut = SampledImage("b.tif", np.array([50.0, 6.0]), np.array([0.0, 1.0]), np.array([True, False]), 100.0)
    found = describe([image(2, 4), cut, image()])
    assert found is not None
    assert (found.n, found.images, found.mean, found.sd, found.median) == (3, 2, 4, 2, 4)
    assert found.polydispersity == 0.5
    assert found.number_per_area == 3 / 300
    assert describe([image()]) is describe([]) is None


def test_a_median_is_weighted() -> None:
    assert weighted_median(np.array([1.0, 2, 3]), np.array([1.0, 1, 5])) == 3


def test_edge_particles_are_excluded_halved_or_corrected_for() -> None:
    instances = np.zeros((20, 40), np.uint16)
    instances[0:4, 5:9], instances[8:13, 10:20] = 1, 2
    cut = np.array([True, False])
    assert edge_weights(instances, cut, "exclude").tolist() == [0, 1]
    assert edge_weights(instances, cut, "half").tolist() == [0.5, 1]
    assert edge_weights(instances, cut, "correct").tolist() == [0, pytest.approx(20 * 40 / (15 * 30))]
    assert edge_weights(instances[:0], np.zeros(0, bool), "correct").tolist() == []


def test_the_correction_removes_the_bias_against_large_particles() -> None:
    rng = np.random.default_rng(3)
    totals = {"exclude": np.zeros(2), "correct": np.zeros(2)}
    truth = []
    for _ in range(300):  # squares at random in a plane, of which an image shows 60 x 60 px
        sides = rng.choice([6, 30], 40)
        corners = rng.integers(-40, 70, (40, 2))
        inside = [(side, *corner) for side, corner in zip(sides, corners, strict=True)]
        truth += sides.tolist()
        for side, y, x in inside:
            instances = np.zeros((60, 60), np.uint16)
            instances[max(y, 0) : max(y + side, 0), max(x, 0) : max(x + side, 0)] = 1
            if instances.any():
                cut = np.array([y <= 0 or x <= 0 or y + side >= 60 or x + side >= 60])
                for rule, total in totals.items():
                    weight = edge_weights(instances, cut, rule)[0]  # type: ignore[arg-type]
                    total += (weight * side, weight)
    excluded, corrected = (total[0] / total[1] for total in totals.values())
    assert corrected == pytest.approx(np.mean(truth), rel=0.04)
    assert excluded < 0.8 * np.mean(truth)


SAMPLES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "normal": lambda rng: rng.normal(10, 2.5, 400),
    "log-normal": lambda rng: rng.lognormal(2, 0.4, 400),
    "bimodal": lambda rng: np.concatenate([rng.lognormal(1, 0.15, 150), rng.lognormal(2.2, 0.2, 250)]),
}


@pytest.mark.parametrize("criterion", ["aicc", "bic"])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_best_fit_is_the_distribution_that_was_drawn_from(name: str, criterion: str) -> None:
    diameters = SAMPLES[name](np.random.default_rng(5))
    best, *others = fit_distributions(diameters, np.ones(400), criterion)  # type: ignore[arg-type]
    assert best.name == name
    x = np.linspace(0.01, 60, 20_000)
    assert np.trapezoid(best.density(x), x) == pytest.approx(1, abs=0.01)
    assert all(getattr(one, criterion) > getattr(best, criterion) for one in others)
    if name == "bimodal":
        small, large = best.modes
        assert (small.share, small.centre, small.width) == pytest.approx((0.375, math.e, math.exp(0.15)), rel=0.1)
        assert (large.centre, large.width) == pytest.approx((math.exp(2.2), math.exp(0.2)), rel=0.05)


def test_likelihoods_are_those_of_scipy_and_scikit_learn() -> None:
    diameters = SAMPLES["bimodal"](np.random.default_rng(6))
    fits = {one.name: one for one in fit_distributions(diameters, np.ones(400))}
    shape, _, scale = stats.lognorm.fit(diameters, floc=0)
    expected = stats.lognorm.logpdf(diameters, shape, scale=scale).sum()
    assert fits["log-normal"].log_likelihood == pytest.approx(expected, rel=1e-6)
    assert fits["normal"].log_likelihood == pytest.approx(
        stats.norm.logpdf(diameters, *stats.norm.fit(diameters)).sum()
    )
    logs = np.log(diameters)[:, np.newaxis]
    mixture = GaussianMixture(2, random_state=0, tol=1e-8, max_iter=1000).fit(logs)
    assert fits["bimodal"].log_likelihood == pytest.approx(mixture.score(logs) * 400 - logs.sum(), rel=1e-5)
    assert fits["bimodal"].bic == pytest.approx(mixture.bic(logs) + 2 * logs.sum(), rel=1e-5)
    assert fits["normal"].aicc == pytest.approx(4 - 2 * fits["normal"].log_likelihood + 12 / 397)


def test_too_few_particles_have_no_fit_and_no_second_mode() -> None:
    assert fit_distributions(np.array([1.0, 2.0]), np.ones(2)) == []
    assert fit_distributions(np.full(5, 3.0), np.ones(5)) == []
    assert {one.name for one in fit_distributions(np.arange(1.0, 11), np.ones(10))} == {"normal", "log-normal"}


def test_weights_count_like_repeated_particles() -> None:
    diameters, weights = np.array([2.0, 3, 5, 8]), np.array([1.0, 3, 2, 2])
    weighted = fit_distributions(diameters, weights)
    repeated = fit_distributions(np.repeat(diameters, weights.astype(int)), np.ones(8))
    for one, other in zip(weighted, repeated, strict=True):
        assert vars(one.modes[0]) == pytest.approx(vars(other.modes[0]))


def test_intervals_are_of_images_not_of_particles() -> None:
    images = [image(*np.full(50, value)) for value in (4, 5, 6, 7, 8)]
    low, high = confidence_intervals(images, 2000, 1)["mean"]
    spread = np.std([4, 5, 6, 7, 8]) / math.sqrt(5)
    assert (low, high) == pytest.approx((6 - 1.96 * spread, 6 + 1.96 * spread), abs=0.15)
    assert confidence_intervals([image(1, 2), image()], 100, 1) == {}


def test_a_comparison_permutes_images() -> None:
    rng = np.random.default_rng(2)
    groups = [[rng.normal(centre, 1, 20) for _ in range(4)] for centre in (10, 10.8)]
    one, other = (experiment(*(image(*values) for values in group)) for group in groups)
    found = compare(one, other, 500, 1)
    means = [[values.mean() for values in group] for group in groups]
    expected = stats.permutation_test(
        means, lambda a, b, axis: np.mean(b, axis) - np.mean(a, axis), vectorized=True, n_resamples=10_000
    )
    assert found is not None
    assert (found.is_exact, found.images, found.particles) == (True, (4, 4), (80, 80))
    assert found.difference == pytest.approx(np.mean(means[1]) - np.mean(means[0]))
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.smallest_p == pytest.approx(2 / 70)
    pooled_sd = math.sqrt((np.var(means[0], ddof=1) + np.var(means[1], ddof=1)) / 2)
    assert found.hedges_g == pytest.approx(found.difference / pooled_sd * (1 - 3 / 23))
    low, high = found.interval
    assert low < found.difference < high
    everything = [np.concatenate(group) for group in groups]
    larger = stats.mannwhitneyu(everything[1], everything[0]).statistic / 80**2
    assert found.overlap == pytest.approx(larger)


def test_many_particles_of_few_images_give_no_conclusion() -> None:
    one = experiment(*(image(*np.full(1000, value)) for value in (4.0, 4.1)))
    other = experiment(*(image(*np.full(1000, value)) for value in (6.0, 6.1)))
    found = compare(one, other, 200, 1)
    assert found is not None
    assert found.p_value == pytest.approx(1 / 3)
    assert "the test cannot give a p-value below 0.33" in found.verdict
    alone = compare(experiment(image(1, 2)), other, 200, 1)
    assert alone is not None
    assert (alone.p_value, alone.interval) == (None, None)
    assert "at least two images" in alone.verdict
    assert compare(experiment(image()), other, 200, 1) is None


def test_more_images_than_can_be_divided_in_every_way_are_divided_at_random() -> None:
    rng = np.random.default_rng(4)
    one, other = (experiment(*(image(*rng.normal(centre, 1, 5)) for _ in range(12))) for centre in (10, 12))
    found = compare(one, other, 999, 1)
    assert found is not None
    assert not found.is_exact
    assert found.p_value == pytest.approx(0.001)
    assert "differ (p = 0.001)" in found.verdict
