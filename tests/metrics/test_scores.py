import errno
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from tem_rf.errors import ReadError, StorageError
from tem_rf.metrics.scores import COLUMNS, ImageScores, read_scores, score_image, write_scores
from tem_rf.metrics.summary import Spread, summarize

LEFT = np.repeat(np.arange(12) < 4, 10).reshape(12, 10).T  # (10, 12), four columns wide
WIDER = np.repeat(np.arange(12) < 6, 10).reshape(12, 10).T


def test_image_is_scored_in_pixels_and_nanometres() -> None:
    scores = score_image(0.9 * LEFT, WIDER, source="au_17", y_px=512, x_px=1024, pixel_size_nm=0.02)

    assert (scores.source, scores.y_px, scores.x_px) == ("au_17", 512, 1024)
    assert scores.hard_dice == pytest.approx((2 * 40 + 1) / (40 + 60 + 1))
    assert scores.soft_dice == pytest.approx((2 * 36 + 1) / (36 + 60 + 1))
    assert (scores.boundary_f1, scores.mean_surface_distance_px, scores.hausdorff95_px) == (1, 2, 2)
    assert (scores.mean_surface_distance_nm, scores.hausdorff95_nm) == (0.04, 0.04)


def test_tolerance_decides_the_boundary_score() -> None:
    assert score_image(LEFT, WIDER, tolerance_px=1).boundary_f1 == 0


def test_scores_survive_a_round_trip(tmp_path: Path) -> None:
    rows = [score_image(LEFT, WIDER, source="a, b", y_px=4), score_image(LEFT, np.zeros_like(LEFT), source="ü")]
    write_scores(tmp_path / "scores.csv", rows)

    assert rows[1].hausdorff95_px is None
    assert read_scores(tmp_path / "scores.csv") == rows


def test_full_disk_leaves_no_half_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("csv.DictWriter.writerows", full)
    with pytest.raises(StorageError, match="no space left"):
        write_scores(tmp_path / "scores.csv", [score_image(LEFT, LEFT)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [None, "source,row\na,1\n", "\x00\x01", "source,y_px,x_px\n", ",".join(COLUMNS) + "\na,1,x\n"]
)
def test_no_table_of_scores_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "scores.csv"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ReadError, match=r"scores\.csv"):
        read_scores(path)


def _scores(dice: float, distance: float | None = None) -> ImageScores:
    return ImageScores("a", 0, 0, dice, dice, dice, distance, distance, None, None)


def test_spread_is_over_seeds_not_images() -> None:
    summary = summarize({752: [_scores(0.5), _scores(0.7)], 2245: [_scores(0.8)], 140: [_scores(0.7)]})

    # means of the seeds 0.6, 0.8, 0.7: mean 0.7, sd 0.1 with n - 1
    assert astuple(summary["hard_dice"]) == pytest.approx((0.7, 0.1, 3))


def test_single_seed_has_no_standard_deviation() -> None:
    of_one = summarize({752: [_scores(0.5), _scores(0.7)]})["soft_dice"]
    assert (of_one.mean, of_one.sd, of_one.seeds) == (pytest.approx(0.6), None, 1)


def test_images_without_a_distance_do_not_count_in_its_mean() -> None:
    summary = summarize({1: [_scores(0.5, 3), _scores(0.5, None)], 2: [_scores(0.5, None)]})

    assert summary["hausdorff95_px"] == Spread(3, None, 1)
    assert "hausdorff95_nm" not in summary


def test_pixels_that_are_not_sure_do_not_count() -> None:
    unsure = WIDER & ~LEFT
    assert score_image(WIDER, LEFT).hard_dice < 0.9
    assert score_image(WIDER, LEFT, unsure=unsure).hard_dice == 1
    assert score_image(LEFT, WIDER, unsure=unsure).hard_dice == 1
