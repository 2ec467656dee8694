"""Micrographs of any size become masks, or a line that says why not."""

from pathlib import Path

import numpy as np
import pytest

from tem_rf.data.micrograph import Micrograph
from tem_rf.errors import ReadError
from tem_rf.inference.model import Segmenter, load_segmenter
from tem_rf.inference.predict import segment_micrograph
from tem_rf.runs import RunFolder
from tests.helpers.labelled_folder import counts_with_disc


@pytest.fixture(scope="module")
def segmenter(trained_run: RunFolder) -> Segmenter:
    return load_segmenter(trained_run.path)


def test_a_disc_is_found(segmenter: Segmenter) -> None:
    image, mask = counts_with_disc((150, 131), seed=99, radius=20)
    result = segment_micrograph(segmenter, Micrograph(image, pixel_size_nm=0.02))
    assert result.mask.shape == image.shape
    assert (result.mask & mask).sum() / (result.mask | mask).sum() > 0.6


def test_the_size_of_tiles_leaves_no_trace(segmenter: Segmenter) -> None:
    image, _ = counts_with_disc((150, 131), seed=98)
    small, whole = (segment_micrograph(segmenter, Micrograph(image), tile_px=size) for size in (24, 1024))
    np.testing.assert_allclose(small.probability, whole.probability, atol=1e-5)
    np.testing.assert_array_equal(small.mask, whole.mask)


@pytest.mark.parametrize(("pixel_size_nm", "warns"), [(0.02, False), (0.024, False), (0.03, True), (None, False)])
def test_a_pixel_size_far_from_that_of_the_training_is_said(
    segmenter: Segmenter, pixel_size_nm: float | None, warns: bool
) -> None:
    image, _ = counts_with_disc()
    result = segment_micrograph(segmenter, Micrograph(image, pixel_size_nm=pixel_size_nm))
    assert any("was trained at 0.02 nm/px" in note for note in result.notes) == warns


def test_a_constant_image_is_refused_by_its_name(segmenter: Segmenter, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"flat\.tif: the image is constant"):
        segment_micrograph(segmenter, Micrograph(np.full((64, 64), 7, np.uint16), path=tmp_path / "flat.tif"))
