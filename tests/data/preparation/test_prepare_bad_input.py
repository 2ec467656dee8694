"""Each kind of bad input ends in one line that says what to do, and nothing is left behind."""

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tem_rf.config.preparation import preparation_settings
from tem_rf.data.preparation import prepare
from tem_rf.data.preparation.growing_stack import GrowingStack
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.errors import DatasetError, ReadError, SettingsError, StorageError
from tests.helpers.labelled_folder import counts_with_disc, write_folder, write_pair

SETTINGS = preparation_settings(patch_size=32, background_threshold=20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "raw")


def refusal(folder: Path, kind: Any, settings: Any = SETTINGS, **options: Any) -> str:
    """The one line with which a preparation is refused; the output does not come into being."""
    output = folder.parent / "set"
    with pytest.raises(kind) as caught:
        prepare_dataset(folder, output, settings=settings, **options)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["raw"]
    message = str(caught.value)
    assert "\n" not in message
    return message


def replace_image(folder: Path, pixels: np.ndarray, name: str = "m2") -> None:
    tifffile.imwrite(folder / "images" / f"{name}.tif", pixels)


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    assert "raw: no micrographs; expected files ending in" in refusal(tmp_path / "raw", DatasetError)


def test_a_missing_folder(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(DatasetError, match="no such folder"):
        prepare_dataset(tmp_path / "other", tmp_path / "set", settings=SETTINGS)


def test_an_image_without_a_label(folder: Path) -> None:
    (folder / "labels" / "m1.tif").unlink()
    assert "m1.tif: has no label" in refusal(folder, DatasetError)


def test_a_label_without_an_image(folder: Path) -> None:
    (folder / "images" / "m1.tif").unlink()
    assert "labels/m1.tif: labels m1, but there is no such micrograph" in refusal(folder, DatasetError)


def test_several_files_without_partners_name_the_command_that_lists_them(folder: Path) -> None:
    for name in ("m1", "m2"):
        (folder / "labels" / f"{name}.tif").unlink()
    assert "and 1 more; `tem-rf data check" in refusal(folder, DatasetError)


def test_a_label_of_another_size(folder: Path) -> None:
    tifffile.imwrite(folder / "labels" / "m2.tif", np.ones((64, 95), np.uint8))
    assert "m2.tif: the label is 95 x 64 px, but its micrograph 96 x 64 px" in refusal(folder, DatasetError)


def test_a_label_of_zeros(folder: Path) -> None:
    tifffile.imwrite(folder / "labels" / "m2.tif", np.zeros((64, 96), np.uint8))
    assert "m2.tif: marks no particles; label m2.tif" in refusal(folder, DatasetError)


def test_a_label_without_background(folder: Path) -> None:
    tifffile.imwrite(folder / "labels" / "m2.tif", np.full((64, 96), 255, np.uint8))
    assert "m2.tif: marks every pixel as particle and none as background; label m2.tif" in refusal(folder, DatasetError)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_no_numbers(folder: Path, value: Any) -> None:
    image = counts_with_disc()[0].astype(np.float32)
    image[3, 3] = value
    replace_image(folder, image)
    assert "m2.tif: 1 of 6144 pixels are NaN or infinite" in refusal(folder, ReadError)


def test_a_constant_image(folder: Path) -> None:
    write_pair(folder, "m2", np.full((64, 96), 37, np.uint16), counts_with_disc()[1])
    assert refusal(folder, DatasetError).startswith("m2.tif: the image is constant (every pixel about 37)")


def test_an_image_smaller_than_a_patch(folder: Path) -> None:
    write_pair(folder, "m2", *counts_with_disc((31, 96)))
    assert refusal(folder, DatasetError).startswith("m2.tif: the image is 96 x 31 px, smaller than a patch of 32 px")


def test_a_truncated_tiff(folder: Path) -> None:
    path = folder / "images" / "m2.tif"
    path.write_bytes(path.read_bytes()[:4000])
    assert "m2.tif:" in refusal(folder, ReadError)


def test_a_file_that_is_no_image(folder: Path) -> None:
    (folder / "images" / "m2.tif").write_text("not a TIFF")
    assert "m2.tif: does not start like a .tif file;" in refusal(folder, ReadError)


def test_pixel_sizes_that_differ(folder: Path) -> None:
    write_pair(folder, "m2", *counts_with_disc(), pixel_size_nm=0.05)
    message = refusal(folder, DatasetError)
    assert message.startswith("m2.tif: its pixel size is 0.05 nm, that of the micrographs before it 0.02 nm")
    write_pair(folder, "m2", *counts_with_disc(), pixel_size_nm=None)
    assert "its pixel size is not known" in refusal(folder, DatasetError)


def test_a_pixel_size_for_all_settles_the_difference(folder: Path, tmp_path: Path) -> None:
    write_pair(folder, "m2", *counts_with_disc(), pixel_size_nm=None)
    settings = preparation_settings(patch_size=32, background_threshold=20, pixel_size_nm=0.03)
    assert prepare_dataset(folder, tmp_path / "set", settings=settings).manifest.pixel_size_nm == 0.03


def test_particles_too_small_for_the_background_threshold(folder: Path) -> None:
    settings = preparation_settings(patch_size=32, background_threshold=1000)
    assert "no patch of 32 px has more than 1000 particle pixels; lower" in refusal(folder, DatasetError, settings)


def test_two_micrographs_cannot_be_split_by_micrograph(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "raw", 2)
    assert "2 labelled micrographs" in refusal(folder, DatasetError)
    assert "`split` study" in refusal(folder, DatasetError)


def test_a_threshold_below_the_counts_themselves(folder: Path) -> None:
    settings = preparation_settings(patch_size=32, xray_threshold=5)
    assert refusal(folder, SettingsError, settings).startswith("m0.tif: `xray_threshold` 5 counts: marks")


def test_a_stack_with_fewer_masks_than_images(tmp_path: Path) -> None:
    images, masks = zip(*(counts_with_disc(seed=seed) for seed in range(3)), strict=True)
    for kind in ("images", "labels"):
        (tmp_path / "raw" / kind).mkdir(parents=True)
    np.save(tmp_path / "raw" / "images" / "movie.npy", np.stack(images))
    np.save(tmp_path / "raw" / "labels" / "movie.npy", np.stack(masks[:2]))
    assert "labels/movie.npy: holds 2 masks, but movie.npy has more images" in refusal(tmp_path / "raw", DatasetError)
    np.save(tmp_path / "raw" / "labels" / "movie.npy", np.stack([*masks, masks[0]]))
    assert "labels/movie.npy: holds more masks than movie.npy has images (3)" in refusal(tmp_path / "raw", DatasetError)


@pytest.mark.parametrize("append", [0, 3])
@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), OSError("262144 requested and 129960 written")],  # NumPy's
)
def test_a_full_disk_leaves_nothing_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch, append: int, error: OSError
) -> None:
    calls = []
    whole = GrowingStack.append

    def fail(self: GrowingStack, image: np.ndarray, pixel_size_nm: float | None) -> None:
        calls.append(image)
        if len(calls) > append:
            raise error
        whole(self, image, pixel_size_nm)

    monkeypatch.setattr(GrowingStack, "append", fail)
    assert "no space left on the disk; the file was not written" in refusal(folder, StorageError)


def test_an_interruption_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, "write_tables", interrupt)
    refusal(folder, KeyboardInterrupt)


def test_another_dataset_is_not_replaced_unasked(folder: Path, tmp_path: Path) -> None:
    prepare_dataset(folder, tmp_path / "set", settings=SETTINGS)
    before = (tmp_path / "set" / "dataset.json").read_bytes()
    other = preparation_settings(patch_size=32, background_threshold=20, seed=4)
    with pytest.raises(DatasetError, match=r"prepared differently \(seed 0, now 4\); choose another `output`"):
        prepare_dataset(folder, tmp_path / "set", settings=other)
    write_pair(folder, "m2", *counts_with_disc(seed=99))
    with pytest.raises(DatasetError, match="from other micrographs or labels"):
        prepare_dataset(folder, tmp_path / "set", settings=SETTINGS)
    assert (tmp_path / "set" / "dataset.json").read_bytes() == before
    assert prepare_dataset(folder, tmp_path / "set", settings=other, overwrite=True).manifest.settings.seed == 4


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_is_no_dataset_is_not_replaced(folder: Path, tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.docx").write_text("years of work")
    with pytest.raises(DatasetError, match="set: exists and is not a dataset; choose another `output`"):
        prepare_dataset(folder, tmp_path / "set", settings=SETTINGS, overwrite=overwrite)
    assert (tmp_path / "set" / "thesis.docx").exists()


def test_an_empty_folder_is_filled(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert len(prepare_dataset(folder, tmp_path / "set", settings=SETTINGS).patches) > 0


def test_a_dataset_of_another_version_can_be_replaced(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "dataset.json").write_text('{"schema_version": 0}')
    with pytest.raises(DatasetError, match="schema version 0, expected 1"):
        prepare_dataset(folder, tmp_path / "set", settings=SETTINGS)
    assert prepare_dataset(folder, tmp_path / "set", settings=SETTINGS, overwrite=True).manifest.schema_version == 1
