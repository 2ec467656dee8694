"""Instance labels survive writing and reading, with pixels that are not sure, and never turn into something else."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_rf.config.reading import reading_settings
from tem_rf.data.instances import UNSURE, read_instances, write_instances
from tem_rf.data.labels import read_one_label
from tem_rf.data.readers import read_micrograph
from tem_rf.errors import DatasetError

SHAPE = (20, 30)


@pytest.fixture
def numbers() -> np.ndarray:
    """Two touching particles, one elsewhere, and a patch that is not sure."""
    result = np.zeros(SHAPE, np.int32)
    result[2:8, 3:8], result[2:8, 8:12], result[12:18, 20:26] = 1, 2, 7
    result[12:16, 3:9] = UNSURE
    return result


def test_a_label_is_read_as_it_was_written(tmp_path: Path, numbers: np.ndarray) -> None:
    write_instances(tmp_path / "a.tif", numbers, pixel_size_nm=0.02)
    read, _ = read_instances(tmp_path / "a.tif", SHAPE)
    np.testing.assert_array_equal(read, numbers)
    assert tifffile.imread(tmp_path / "a.tif").dtype == np.uint16
    assert read_micrograph(tmp_path / "a.tif").pixel_size_nm == pytest.approx(0.02)


@pytest.mark.parametrize("largest", [7, 32767, 40_000, 70_000])
def test_not_sure_is_neither_particle_nor_background(tmp_path: Path, numbers: np.ndarray, largest: int) -> None:
    numbers[numbers == 7] = largest
    write_instances(tmp_path / "a.tif", numbers, pixel_size_nm=0.02)
    label = read_one_label(tmp_path / "a.tif", SHAPE)
    np.testing.assert_array_equal(label.mask, numbers > 0)
    np.testing.assert_array_equal(label.unsure, numbers == UNSURE)
    assert any("not sure" in note for note in label.notes)


def test_not_sure_without_particles_is_no_mask(tmp_path: Path, numbers: np.ndarray) -> None:
    write_instances(tmp_path / "a.tif", np.minimum(numbers, 0))
    read, _ = read_instances(tmp_path / "a.tif", SHAPE)
    np.testing.assert_array_equal(read, np.minimum(numbers, 0))


def test_a_mask_of_16_bits_has_no_reserved_value(tmp_path: Path, numbers: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.where(numbers > 0, 65535, 0).astype(np.uint16))
    label = read_one_label(tmp_path / "a.tif", SHAPE)
    np.testing.assert_array_equal(label.mask, numbers > 0)
    assert label.unsure is None
    read, _ = read_instances(tmp_path / "a.tif", SHAPE)
    assert set(np.unique(read)) == {0, 1, 2}  # touching particles are one region


def test_the_user_can_read_the_reserved_value_as_particle(tmp_path: Path, numbers: np.ndarray) -> None:
    write_instances(tmp_path / "a.tif", numbers)
    label = read_one_label(tmp_path / "a.tif", SHAPE, reading=reading_settings(background="0"))
    np.testing.assert_array_equal(label.mask, numbers != 0)


def test_classes_are_no_instances(tmp_path: Path) -> None:
    classes = np.zeros(SHAPE, np.uint8)
    classes[2:5, 2:5], classes[2:5, 9:12], classes[9:12, 2:5], classes[9:12, 9:12] = 1, 1, 2, 2
    tifffile.imwrite(tmp_path / "a.tif", classes)
    read, _ = read_instances(tmp_path / "a.tif", SHAPE)
    assert read.max() == 4


def test_a_label_drawn_on_a_resized_copy_is_refused(tmp_path: Path, numbers: np.ndarray) -> None:
    write_instances(tmp_path / "a.tif", numbers[::2, ::2])
    with pytest.raises(DatasetError, match=r"15 x 10 px, but its micrograph 30 x 20 px .* resized to 50 %"):
        read_instances(tmp_path / "a.tif", SHAPE)
