"""A record is fitted to images whose dice is known, judges others, and survives its file."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tem_rf.errors import ModelError
from tem_rf.trust.advice import explain
from tem_rf.trust.conditions import Condition
from tem_rf.trust.fit import Tried, error_on, fit_record
from tem_rf.trust.kinds import FOREIGN, GOOD, INVERTED, NOISE
from tem_rf.trust.reasons import reason_of
from tem_rf.trust.record import TRUST_NAME, TrustRecord
from tem_rf.trust.statistics import STATISTICS
from tem_rf.trust.verdict import judge

NOTHING = np.zeros((0, 0))
COUNT = len(STATISTICS)
OF_NOISE = np.where(np.arange(COUNT) % 3 == 0, 1.0, 0.2)  # how far noise changes each statistic


def tried(number: int, seed: int) -> list[Tried]:
    """Images whose dice falls with the noise, which shows in all statistics; every fifth is no micrograph."""
    random = np.random.default_rng(seed)
    images = []
    for index in range(number):
        noise = random.uniform(0, 3)
        statistics = random.normal(0, 0.3, COUNT) + noise * OF_NOISE
        kind = FOREIGN if index % 5 == 4 else ""
        if kind:
            statistics[1] += 4
        dice = 0.0 if kind else float(np.clip(1.1 - 0.33 * noise + random.normal(0, 0.02), 0, 1))
        condition = Condition(NOTHING, NOTHING, None, 1000 * seed + index, kind, 10**-noise, 1.0)
        images.append(Tried(statistics, dice, condition))
    return images


def micrographs(number: int, seed: int) -> list[Tried]:
    return [one for one in tried(number, seed) if one.condition.kind != FOREIGN]


@pytest.fixture(scope="module")
def record() -> TrustRecord:
    fitted = fit_record(tried(250, 1), micrographs(100, 2), network_sha256="abc", tried_on=["drawn"])
    return TrustRecord.model_validate_json(fitted.model_dump_json())


def test_the_expected_dice_follows_the_statistics(record: TrustRecord) -> None:
    assert record.error.images == 80
    assert record.error.mean_absolute < 0.06
    assert record.error.within_interval > 0.75
    assert record.error.flagged is not None
    assert record.error.flagged > 0.9
    assert record.error.false_alarms is not None
    assert record.error.false_alarms < 0.1
    assert error_on(record, micrographs(100, 2)) == record.error


def test_a_verdict_gives_the_reason_and_the_dose(record: TrustRecord) -> None:
    good, poor = judge(record, 0.1 * OF_NOISE), judge(record, 2.5 * OF_NOISE)
    assert good.is_trusted
    assert (good.reason, explain(good)) == ("", "")
    assert good.low <= good.expected_dice <= good.high
    assert not poor.is_trusted
    assert poor.reason == NOISE
    assert poor.dose_factor == pytest.approx(10**-2.5, rel=0.7)
    assert "dose lower by about" in explain(poor)
    assert "`start_from`" in explain(poor)


def test_what_is_far_from_everything_is_flagged_with_no_dice_to_expect(record: TrustRecord) -> None:
    far = judge(record, np.full(COUNT, 40.0))
    assert not far.is_trusted
    assert far.expected_dice < 0.1


def test_an_image_that_is_no_micrograph_is_never_trusted(record: TrustRecord) -> None:
    verdicts = [judge(record, one.statistics) for one in tried(100, 3) if one.condition.kind == FOREIGN]
    assert not any(one.is_trusted for one in verdicts)


def test_inverted_contrast_is_flagged_and_named_though_its_mask_would_be_good() -> None:
    images = micrographs(250, 1)
    good = [one for one in images if one.dice >= 0.7]
    turned = [inverted(one) for one in good]
    record = fit_record([*images, *turned[::2]], images[:40], network_sha256="abc", tried_on=["drawn"])
    verdicts = [judge(record, one.statistics) for one in turned[1::2]]
    assert {(one.is_trusted, one.reason) for one in verdicts} == {(False, INVERTED)}
    assert np.mean([judge(record, one.statistics).is_trusted for one in good]) > 0.9


def inverted(one: Tried) -> Tried:
    """The same with inverted contrast, which one statistic shows, and the same dice."""
    statistics = one.statistics.copy()
    statistics[2] -= 4
    return Tried(statistics, one.dice, replace(one.condition, kind=INVERTED))


@pytest.mark.parametrize(
    ("kind", "dice", "dose", "reason"),
    [("", 0.9, 0.01, GOOD), ("", 0.4, 0.01, NOISE), (INVERTED, 0.95, 1.0, INVERTED), (NOISE, 0.5, 1.0, NOISE)],
)
def test_the_reason_of_a_condition(kind: str, dice: float, dose: float, reason: str) -> None:
    assert reason_of(Condition(NOTHING, NOTHING, None, 0, kind, dose, 1.0), dice) == reason


def test_a_record_is_read_back_from_its_folder(record: TrustRecord, tmp_path: Path) -> None:
    assert TrustRecord.read(tmp_path) is None
    record.write(tmp_path)
    assert TrustRecord.read(tmp_path) == record


def test_a_record_of_other_statistics_is_passed_over_and_a_damaged_one_is_an_error(
    record: TrustRecord, tmp_path: Path
) -> None:
    record.write(tmp_path)
    content = json.loads((tmp_path / TRUST_NAME).read_text())
    (tmp_path / TRUST_NAME).write_text(json.dumps(content | {"statistics": ["another"]}))
    assert TrustRecord.read(tmp_path) is None
    (tmp_path / TRUST_NAME).write_text(json.dumps(content | {"threshold": "high"}))
    with pytest.raises(ModelError, match=r"trust.json: .*threshold.*tem-rf trust"):
        TrustRecord.read(tmp_path)
    (tmp_path / TRUST_NAME).write_text("{")
    with pytest.raises(ModelError, match=r"trust.json: cannot be read"):
        TrustRecord.read(tmp_path)
