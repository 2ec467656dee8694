"""Large arrays lie on disk and leave nothing there; what is computed is the same."""

import errno
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.data import scratch
from tem_rf.data.preprocess import preprocess
from tem_rf.data.readers import read_micrograph
from tem_rf.data.scratch import scratch_array
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import DiskFullError


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "MAX_BYTES_IN_MEMORY", 100)


def counts(shape: tuple[int, ...] = (300, 211)) -> np.ndarray:
    image = np.random.default_rng(3).poisson(90, shape).astype(np.uint16)
    image[20, 30] = image[150:152, 99] = 9000  # x-rays
    return image


def test_large_arrays_are_on_disk_and_no_folder_lists_them(everything_is_large: None, tmp_path: Path) -> None:
    array = scratch_array((20, 20), np.float32, tmp_path / "new")
    array[...] = 7
    assert isinstance(array, np.memmap)
    assert list((tmp_path / "new").iterdir()) == []
    assert not isinstance(scratch_array((20, 20), np.float32, None), np.memmap)
    assert not isinstance(scratch_array((5, 5), np.float32, tmp_path), np.memmap)


def test_preprocessing_on_disk_gives_the_same_bits(everything_is_large: None, tmp_path: Path) -> None:
    on_disk, in_memory = (preprocess(counts(), PreprocessingSettings(), scratch=place) for place in (tmp_path, None))
    assert isinstance(on_disk.image, np.memmap)
    assert on_disk.outliers_replaced == in_memory.outliers_replaced == 3
    np.testing.assert_array_equal(on_disk.image, in_memory.image)


@pytest.mark.parametrize("suffix", ["tif", "npy"])
def test_large_images_are_read_from_the_file_when_they_are_used(
    suffix: str, everything_is_large: None, tmp_path: Path
) -> None:
    path = tmp_path / f"m.{suffix}"
    np.save(path, counts()) if suffix == "npy" else write_tiff(path, counts())
    pixels = read_micrograph(path).pixels
    assert not pixels.flags.owndata
    assert not pixels.flags.writeable
    np.testing.assert_array_equal(pixels, counts())


def test_a_full_disk_is_found_before_anything_is_computed(
    everything_is_large: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full, raising=False)
    with pytest.raises(DiskFullError):
        scratch_array((20, 20), np.float32, tmp_path)


def test_a_full_disk_is_found_where_the_system_reserves_no_space(
    everything_is_large: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr("os.posix_fallocate", raising=False)
    assert scratch_array((20, 20), np.float32, tmp_path).shape == (20, 20)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1599))
    with pytest.raises(DiskFullError):
        scratch_array((20, 20), np.float32, tmp_path)
