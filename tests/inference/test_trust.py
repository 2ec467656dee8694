"""`segment` says of each image whether to trust its mask, if the model has a record of that."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf.config.segmentation import SegmentSettings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.tiff import write_tiff
from tem_rf.inference.file import segment_file
from tem_rf.inference.model import load_segmenter
from tem_rf.inference.predict import segment_by_ensemble
from tem_rf.runs import RunFolder
from tem_rf.trust.conditions import Condition
from tem_rf.trust.fit import Tried, fit_record
from tem_rf.trust.kinds import FOREIGN
from tem_rf.trust.record import TRUST_NAME, TrustRecord
from tests.helpers.command import Command, tem_rf
from tests.helpers.discs import discs
from tests.helpers.networks import CountingSegmenter, bright

SHAPE = (90, 110)
MASK = discs(SHAPE, (30, 30, 14), (60, 80, 15))


def image(random: np.random.Generator, *, is_noise: bool) -> np.ndarray:
    return (random.poisson(50, SHAPE) + (0 if is_noise else 100) * MASK).astype(np.uint16)


def record_of(network: Any, digest: str) -> TrustRecord:
    """A record of discs with good masks, and of noise without any."""
    tried = []
    for number in range(60):
        random = np.random.default_rng(number)
        is_noise = number % 2 == 1
        result = segment_by_ensemble([network], Micrograph(image(random, is_noise=is_noise)), measures=True)
        assert result.statistics is not None
        condition = Condition(np.zeros(0), np.zeros(0), None, number, FOREIGN if is_noise else "")
        tried.append(Tried(result.statistics, 0.0 if is_noise else 0.95, condition))
    return fit_record(tried, tried[:10], network_sha256=digest, tried_on=["discs"])


@pytest.fixture(scope="module")
def network() -> CountingSegmenter:
    plain = bright()
    return replace(plain, trust=record_of(plain, "bright"))


def test_each_frame_has_a_verdict_and_the_flagged_ones_a_reason(network: CountingSegmenter, tmp_path: Path) -> None:
    random = np.random.default_rng(99)
    frames = [image(random, is_noise=noise) for noise in (False, True, False, True)]
    write_tiff(tmp_path / "m.tif", np.stack(frames), pixel_size_nm=0.5)
    result = segment_file([network], tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    assert [one.is_trusted for one in result.verdicts] == [True, False, True, False]
    assert result.flagged == 2
    assert result.worst is not None
    assert result.worst.reason == FOREIGN
    (note,) = (note for note in result.notes if "trust" in note)
    assert "m.tif: do not trust the masks of 2 of 4 frames; frame " in note
    again = segment_file([network], tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    assert again.verdicts == result.verdicts


@pytest.mark.parametrize("transforms", [1, 2])
def test_a_temperature_changes_the_probability_and_not_the_verdict(network: CountingSegmenter, transforms: int) -> None:
    frame = Micrograph(image(np.random.default_rng(7), is_noise=False))
    plain = segment_by_ensemble([network], frame, transforms=transforms)
    assert plain.statistics is not None
    for temperature in (0.5, 30.0):
        scaled = segment_by_ensemble([replace(network, temperature=temperature)], frame, transforms=transforms)
        assert scaled.verdict == plain.verdict
        np.testing.assert_array_equal(scaled.statistics, plain.statistics)
    assert np.abs(scaled.probability - plain.probability).max() > 1e-3


def test_without_a_record_there_is_no_verdict(tmp_path: Path) -> None:
    write_tiff(tmp_path / "m.tif", image(np.random.default_rng(1), is_noise=True))
    result = segment_file([bright()], tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    assert (result.verdicts, result.flagged, result.worst, result.notes) == ((), 0, None, ())


def test_of_several_networks_the_one_that_expects_least_speaks(network: CountingSegmenter) -> None:
    hopeful = network.trust
    assert hopeful is not None
    doubtful = hopeful.model_copy(update={"threshold": 2.0})
    frame = Micrograph(image(np.random.default_rng(5), is_noise=False))
    both = segment_by_ensemble([network, bright(), replace(network, trust=doubtful)], frame, transforms=2)
    assert both.verdict is not None
    assert not both.verdict.is_trusted


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    return partial(tem_rf, capfd, monkeypatch)


def test_strict_fails_after_the_results_are_written(run: Command, trained_run: RunFolder, tmp_path: Path) -> None:
    write_tiff(tmp_path / "m.tif", image(np.random.default_rng(3), is_noise=True), pixel_size_nm=0.02)
    command = ["segment", "m.tif", "--model", trained_run.path]
    unknown = run(*command, "--strict")
    assert (unknown.code, (tmp_path / "segmented/m_mask.tif").exists()) == (3, True)
    assert "no record of when to trust its masks" in unknown.stderr
    segmenter = load_segmenter(trained_run.path)
    record = record_of(segmenter, segmenter.network_sha256)
    try:
        record.write(trained_run.path)
        strict = run(*command, "--strict", "--json")
        assert strict.code == 3
        assert "the masks of 1 of 1 files cannot be trusted: m.tif" in strict.stderr
        (row,) = json.loads(strict.stdout)
        assert row["trust"]["is_trusted"] is False
        assert row["trust"]["flagged_frames"] == [1]
        assert run(*command).code == 0
        assert load_segmenter(trained_run.path).trust == record
        record.model_copy(update={"network_sha256": "of other weights"}).write(trained_run.path)
        assert load_segmenter(trained_run.path).trust is None
    finally:
        (trained_run.path / TRUST_NAME).unlink(missing_ok=True)
