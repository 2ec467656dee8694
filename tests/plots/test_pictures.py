from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tem_rf.baselines.fourier import Band, fourier_filter
from tem_rf.errors import StorageError
from tem_rf.plots.fourier import write_fourier_picture
from tem_rf.plots.segmentation import (
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    OUTLINE,
    grey_levels,
    overlay,
    scale_bar_nm,
    write_overlay,
)
from tests.helpers.fringes import image_with_fringes


def test_overlay_colours_false_negatives_false_positives_and_the_outline() -> None:
    label, mask = np.zeros((2, 12, 20), dtype=bool)
    label[2:8, 2:8] = True
    mask[2:8, 4:12] = True
    painted = overlay(np.zeros((12, 20)), mask, label)

    assert painted[5, 2].tolist() == (0.55 * np.array(FALSE_NEGATIVE)).astype(int).tolist()
    assert painted[5, 10].tolist() == (0.55 * np.array(FALSE_POSITIVE)).astype(int).tolist()
    assert painted[5, 4].tolist() == painted[7, 8].tolist() == list(OUTLINE)
    assert painted[5, 6].tolist() == painted[0, 0].tolist() == [0, 0, 0]


def test_overlay_without_a_label_has_no_errors() -> None:
    mask = np.zeros((12, 20), dtype=bool)
    mask[3:9, 3:9] = True

    assert {tuple(pixel) for pixel in overlay(np.zeros((12, 20)), mask).reshape(-1, 3).tolist()} == {OUTLINE, (0, 0, 0)}


def test_grey_levels_take_any_scale() -> None:
    ramp = np.linspace(-3e4, 6e4, 1000).reshape(20, 50)

    assert (grey_levels(ramp).min(), grey_levels(ramp).max()) == (0, 255)
    np.testing.assert_array_equal(grey_levels(ramp), grey_levels(1e-3 * ramp + 7))
    assert not grey_levels(np.full((4, 4), 9, dtype=np.uint16)).any()


@pytest.mark.parametrize(("pixel_size_nm", "length_nm"), [(0.02, 2), (0.1243, 10), (0.004, 0.5), (7.9, 1000)])
def test_scale_bar_is_a_round_length_within_a_quarter(pixel_size_nm: float, length_nm: float) -> None:
    assert scale_bar_nm(512, pixel_size_nm) == pytest.approx(length_nm)


def test_overlay_picture_keeps_the_pixels_and_adds_a_legend(tmp_path: Path) -> None:
    image, mask = image_with_fringes((500, 600))
    write_overlay(tmp_path / "overlay.png", image, mask, mask, pixel_size_nm=0.02)

    with Image.open(tmp_path / "overlay.png") as picture:
        assert picture.width == 600
        assert 500 < picture.height < 540
        np.testing.assert_array_equal(np.asarray(picture)[:500], overlay(image, mask, mask))
        assert np.asarray(picture)[500:, 450:].max() == 255  # the scale bar


def test_small_overlay_is_enlarged_by_a_whole_number(tmp_path: Path) -> None:
    image, mask = image_with_fringes((200, 200))
    write_overlay(tmp_path / "overlay.png", image, mask)

    with Image.open(tmp_path / "overlay.png") as picture:
        assert picture.width == 600
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB"))[:600:3, ::3], overlay(image, mask))


@pytest.mark.parametrize("shape", [(128, 128), (90, 140)])
def test_fourier_picture_is_written_whatever_the_shape(tmp_path: Path, shape: tuple[int, int]) -> None:
    image, mask = image_with_fringes(shape)
    band = Band(8, 14)
    write_fourier_picture(tmp_path / "a.png", image, band, fourier_filter(image, band), mask, pixel_size_nm=0.02)

    with Image.open(tmp_path / "a.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 10


def test_place_that_cannot_be_written_to_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(StorageError, match="no space left"):
        write_overlay(tmp_path / "overlay.png", *image_with_fringes((64, 64)))
    assert list(tmp_path.iterdir()) == []
