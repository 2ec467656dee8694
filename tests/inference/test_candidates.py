"""Micrographs are cut into patches, with what the networks say of each."""

from pathlib import Path

import numpy as np

from tem_rf import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.config.reading import AS_IT_IS
from tem_rf.data.tiff import write_tiff
from tem_rf.inference.candidates import find_candidates
from tem_rf.inference.model import Segmenter


def threshold(level: float) -> Segmenter:
    """A network that finds what is darker than a level, in robust normalization."""

    def logits(images: np.ndarray) -> np.ndarray:
        margin = 100 * (level - images[..., 0])
        return np.stack([-margin / 2, margin / 2], axis=-1)

    preprocessing = PreprocessingSettings(normalization="robust", xray_threshold=None)
    return Segmenter("threshold", Architecture((2,)), preprocessing, 0.1, logits, "0")


def test_patches_cover_the_micrograph_and_tell_where_networks_disagree(tmp_path: Path) -> None:
    image = np.full((72, 100), 900, np.uint16)
    image[:24, :24] = 100  # black for both networks
    image[40:56, 80:96] = 450  # grey: for one of them only
    write_tiff(tmp_path / "a.tif", image, pixel_size_nm=0.1)
    segmenters = [threshold(-0.5), threshold(0.3)]
    found = list(find_candidates(tmp_path / "a.tif", segmenters, patch_size=40, transforms=1, reading=AS_IT_IS))
    assert [(one.y_px, one.x_px) for one in found] == [(0, 0), (0, 40), (0, 60), (32, 0), (32, 40), (32, 60)]
    assert all(one.pixels.shape == one.mask.shape == one.normalized.shape == (40, 40) for one in found)
    assert max(found, key=lambda one: one.disagreement).x_px == 60
    np.testing.assert_array_equal(found[0].mask, image[:40, :40] == 100)
    np.testing.assert_array_equal(found[-1].pixels, image[32:, 60:])
    assert found[0].pixel_size_nm is not None
