"""Results open with their scale, however large they are."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_rf.data import tiff
from tem_rf.data.readers import open_recording


def test_an_image_too_large_for_a_classic_tiff_becomes_a_bigtiff_with_its_scale(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tiff, "MAX_IMAGEJ_BYTES", 1000)
    image = np.random.default_rng(1).random((20, 30)).astype(np.float32)
    tiff.write_tiff(tmp_path / "big.tif", image, pixel_size_nm=0.0215)
    with tifffile.TiffFile(tmp_path / "big.tif") as written:
        assert written.is_bigtiff
        assert np.array_equal(written.asarray(), image)
    with open_recording(tmp_path / "big.tif") as recording:
        assert recording.pixel_sides_nm == pytest.approx((0.0215, 0.0215), rel=1e-5)


def test_images_that_tifffile_appended_one_by_one_are_a_stack(tmp_path: Path) -> None:
    path, frames = tmp_path / "grown.tif", np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)
    for frame in frames:
        tifffile.imwrite(path, frame, append=True)  # each names its own shape, that of one image
    with open_recording(path) as recording:
        assert recording.count == 3
        np.testing.assert_array_equal([recording.read_frame(index) for index in range(3)], frames)
        assert recording.notes == ()
