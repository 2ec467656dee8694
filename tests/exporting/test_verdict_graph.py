"""A SavedModel measures what tem-rf measures, for programs that make verdicts without tem-rf."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tem_rf.data.micrograph import Micrograph
from tem_rf.exporting.export import export_run
from tem_rf.exporting.verdict_graph import measure_in_graph
from tem_rf.inference.model import load_segmenter
from tem_rf.inference.predict import segment_by_ensemble
from tem_rf.runs import RunFolder
from tem_rf.trust.statistics import STATISTICS, measure
from tests.helpers.discs import discs


@pytest.mark.parametrize("shape", [(300, 340), (256, 256), (57, 300), (13, 9), (1700, 300)])
def test_the_graph_measures_what_numpy_measures(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(4)
    mask = discs(shape, (shape[0] // 2, shape[1] // 3, min(shape) // 4))
    image = (random.normal(0, 1, shape) - 1.5 * mask).astype(np.float32)
    probability = np.clip(0.9 * mask + 0.3 * random.random(shape), 0, 1).astype(np.float32)
    expected = measure(image, probability)
    found = tf.function(measure_in_graph)(tf.constant(image), tf.constant(probability)).numpy()
    differing = {
        name: (one, other)
        for name, one, other in zip(STATISTICS, expected, found, strict=True)
        if abs(one - other) > 2e-3
    }
    assert differing == {}


def test_the_saved_model_returns_the_statistics_of_raw_counts(trained_run: RunFolder, tmp_path: Path) -> None:
    export_run(trained_run, tmp_path / "model")
    segmenter = load_segmenter(tmp_path / "model")
    counts = np.random.default_rng(1).poisson(60, (2, 90, 70)).astype(np.float32)
    loaded = tf.saved_model.load(str(tmp_path / "model"))  # keeps the variables
    found = loaded.verdict(counts)["statistics"].numpy()
    for one, measured in zip(counts, found, strict=True):
        result = segment_by_ensemble([segmenter], Micrograph(one), measures=True)
        np.testing.assert_allclose(measured, result.statistics, atol=5e-3)
