import json
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from tem_rf.config.preparation import preparation_settings
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.prepared import open_dataset
from tem_rf.errors import DatasetError, ReadError
from tests.helpers.labelled_folder import counts_with_disc, write_folder, write_pair
from tests.helpers.repository import shared_file

SETTINGS = preparation_settings(patch_size=32, background_threshold=20)


def test_patches_are_the_standardized_micrographs_cut(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "raw")
    dataset = prepare_dataset(folder, tmp_path / "set", settings=SETTINGS)
    assert dataset.images.dtype == np.float32
    assert dataset.labels.dtype == np.uint8
    for index, patch in enumerate(dataset.patches):
        image = tifffile.imread(folder / "images" / patch.source).astype(np.float64)
        label = tifffile.imread(folder / "labels" / patch.source)
        window = slice(patch.y_px, patch.y_px + 32), slice(patch.x_px, patch.x_px + 32)
        expected = (image[window] - image.mean()) / image.std()
        assert np.abs(dataset.images[index] - expected).max() < 1e-5
        assert np.array_equal(dataset.labels[index], label[window] > 0)
        assert patch.particle_fraction == pytest.approx((label[window] > 0).mean(), abs=1e-6)
        assert np.count_nonzero(label[window]) > 20


def test_no_patch_with_enough_particle_is_lost(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "raw")
    dataset = prepare_dataset(folder, tmp_path / "set", settings=SETTINGS)
    kept = Counter(patch.source for patch in dataset.patches)
    for source in dataset.manifest.sources:
        label = tifffile.imread(source.label_file) > 0
        pixels = [label[row : row + 32, column : column + 32].sum() for row in (0, 32) for column in (0, 32, 64)]
        assert kept[source.name] == source.patches == sum(count > 20 for count in pixels)
        assert source.dropped_patches == 6 - source.patches


def test_the_stacks_open_in_fiji_with_their_scale(tmp_path: Path) -> None:
    prepare_dataset(write_folder(tmp_path / "raw"), tmp_path / "set", settings=SETTINGS)
    for name in ("images.tif", "labels.tif"):
        with tifffile.TiffFile(tmp_path / "set" / name) as tiff:
            assert tiff.is_imagej
            assert tiff.imagej_metadata["unit"] == "nm"
            assert tiff.imagej_metadata["frames"] == tiff.series[0].shape[0]
            numerator, denominator = tiff.pages[0].tags["XResolution"].value
            assert denominator / numerator == pytest.approx(0.02)


def test_whole_micrographs_go_to_one_split_each(tmp_path: Path) -> None:
    dataset = prepare_dataset(write_folder(tmp_path / "raw", 10), tmp_path / "set", settings=SETTINGS)
    assert all(len(source.splits) == 1 for source in dataset.manifest.sources)
    assert Counter(source.splits[0] for source in dataset.manifest.sources) == {"train": 7, "validation": 1, "test": 2}
    split_of = {source.name: source.splits[0] for source in dataset.manifest.sources}
    assert all(patch.split == split_of[patch.source] for patch in dataset.patches)


def test_the_study_split_keeps_the_order_of_the_patches(tmp_path: Path) -> None:
    settings = preparation_settings(patch_size=32, background_threshold=20, split="study")
    dataset = prepare_dataset(write_folder(tmp_path / "raw", 2), tmp_path / "set", settings=settings)
    indices = [dataset.indices(split) for split in ("train", "validation", "test")]
    assert np.concatenate(indices).tolist() == list(range(len(dataset.patches)))
    assert [source.splits for source in dataset.manifest.sources] == [("train",), ("validation", "test")]


def test_intensity_statistics_are_those_of_the_patches(tmp_path: Path) -> None:
    dataset = prepare_dataset(write_folder(tmp_path / "raw"), tmp_path / "set", settings=SETTINGS)
    intensity = dataset.manifest.intensity
    for statistics, is_class in (
        (intensity.background, dataset.labels == 0),
        (intensity.particle, dataset.labels == 1),
    ):
        values = dataset.images[is_class]
        assert statistics.pixels == values.size == sum(statistics.histogram)
        assert statistics.mean == pytest.approx(values.mean(), abs=1e-4)
        assert statistics.sd == pytest.approx(values.std(), abs=1e-4)
        assert statistics.median == pytest.approx(np.median(values), abs=0.05)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_every_pixel_type_is_taken(tmp_path: Path, dtype: Any) -> None:
    for index in range(3):
        image, mask = counts_with_disc(seed=index)
        write_npy(tmp_path / "raw", f"m{index}", (image // (8 if dtype == np.uint8 else 1)).astype(dtype), mask)
    dataset = prepare_dataset(tmp_path / "raw", tmp_path / "set", settings=SETTINGS)
    assert {source.xray_threshold for source in dataset.manifest.sources} == {None if dtype == np.uint8 else 1500}
    assert dataset.manifest.pixel_size_nm is None


def write_npy(folder: Path, name: str, image: np.ndarray, mask: np.ndarray) -> None:
    for kind, array in (("images", image), ("labels", mask)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        np.save(folder / kind / f"{name}.npy", array)


def test_outliers_are_replaced_and_counted(tmp_path: Path) -> None:
    for index in range(3):
        image, mask = counts_with_disc(seed=index)
        image[5, 5] = 9000
        write_pair(tmp_path / "raw", f"m{index}", image, mask)
    dataset = prepare_dataset(tmp_path / "raw", tmp_path / "set", settings=SETTINGS)
    assert [source.outliers_replaced for source in dataset.manifest.sources] == [1, 1, 1]
    assert dataset.images.max() < 6


def test_a_png_label_of_0_and_255_means_0_and_1(tmp_path: Path) -> None:
    for index in range(3):
        image, mask = counts_with_disc(seed=index)
        write_npy(tmp_path / "raw", f"m{index}", image, mask)
        (tmp_path / "raw" / "labels" / f"m{index}.npy").unlink()
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "raw" / "labels" / f"m{index}.png")
    dataset = prepare_dataset(tmp_path / "raw", tmp_path / "set", settings=SETTINGS)
    assert np.unique(dataset.labels).tolist() == [0, 1]


def test_published_hdf5_stacks_are_taken_as_they_are(tmp_path: Path) -> None:
    frames = [counts_with_disc(seed=index) for index in range(6)]
    with h5py.File(tmp_path / "au_images.h5", "w") as images, h5py.File(tmp_path / "au_labels.h5", "w") as labels:
        images["images"] = np.stack([image for image, _ in frames])
        labels["labels"] = np.stack([mask for _, mask in frames]).astype(np.uint8)
    settings = preparation_settings(patch_size=32, background_threshold=20, pixel_size_nm=0.02)
    for images, labels in ((tmp_path, None), (tmp_path / "au_images.h5", tmp_path / "au_labels.h5")):
        dataset = prepare_dataset(images, tmp_path / "set", labels=labels, settings=settings)
        assert [source.name for source in dataset.manifest.sources] == [f"au_images.h5#{n}" for n in range(6)]
        assert [source.frame for source in dataset.manifest.sources] == list(range(6))
        assert dataset.manifest.pixel_size_nm == 0.02
    assert dataset.reused


def test_rescaled_micrographs_keep_image_and_label_together(tmp_path: Path) -> None:
    settings = preparation_settings(patch_size=16, background_threshold=20, target_pixel_size_nm=0.04)
    dataset = prepare_dataset(write_folder(tmp_path / "raw"), tmp_path / "set", settings=settings)
    assert dataset.manifest.pixel_size_nm == 0.04
    source = dataset.manifest.sources[4]
    assert (source.height, source.width) == (32, 48)
    full = tifffile.imread(source.label_file) > 0
    assert source.particle_fraction == pytest.approx(full.mean(), rel=0.05)
    assert dataset.manifest.intensity.particle.mean < dataset.manifest.intensity.background.mean - 1


def test_the_same_again_is_taken_as_it_stands(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "raw")
    first = prepare_dataset(folder, tmp_path / "set", settings=SETTINGS)
    written = (tmp_path / "set" / "images.tif").stat().st_mtime_ns
    again = prepare_dataset(folder, tmp_path / "set", settings=SETTINGS)
    assert not first.reused
    assert again.reused
    assert (tmp_path / "set" / "images.tif").stat().st_mtime_ns == written


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "raw")
    for name in ("a", "b"):
        prepare_dataset(folder, tmp_path / name / "set", settings=SETTINGS)
    for name in ("dataset.json", "patches.csv", "images.tif", "labels.tif"):
        assert (tmp_path / "a" / "set" / name).read_bytes() == (tmp_path / "b" / "set" / name).read_bytes()


def test_progress_counts_up_to_the_end(tmp_path: Path) -> None:
    calls = []
    prepare_dataset(
        write_folder(tmp_path / "raw"), tmp_path / "set", settings=SETTINGS, progress=lambda *call: calls.append(call)
    )
    assert calls[-1] == (5, 5)
    assert calls == sorted(calls)


@pytest.mark.reference
def test_hand_labelled_frames_divide_14_2_4(tmp_path: Path) -> None:
    folder = shared_file("data", "sintering_bf_tem")
    dataset = prepare_dataset(folder, tmp_path / "set", settings=preparation_settings())
    assert dataset.images.shape == (20, 512, 512)
    assert [len(dataset.indices(split)) for split in ("train", "validation", "test")] == [14, 2, 4]
    assert dataset.manifest.pixel_size_nm is None
    recorded = json.loads((folder / "PROVENANCE.json").read_text())["files"]
    fractions = {entry["file"]: entry["particle_fraction"] for entry in recorded if "image" in entry["source"]}
    for source in open_dataset(tmp_path / "set").manifest.sources:
        assert source.particle_fraction == pytest.approx(fractions[source.name], abs=1e-4)


def test_pixels_that_are_not_square_are_resampled_on_request_with_their_masks(tmp_path: Path) -> None:
    y, x = np.ogrid[:64, :64]
    disc = (y - 32) ** 2 + (x - 32) ** 2 <= 20**2
    counts = np.random.default_rng(0).poisson(np.where(disc, 600, 900)).astype(np.float32)
    for name in "abc":  # recorded with pixels twice as high as wide: every second row
        write_pair(tmp_path, name, counts[::2], disc[::2], None)
        tifffile.imwrite(
            tmp_path / "images" / f"{name}.tif",
            counts[::2],
            imagej=True,
            resolution=(50, 25),
            metadata={"unit": "nm", "axes": "YX"},
        )
    with pytest.raises(ReadError, match=r"0\.04 nm high and 0\.02 nm wide; add `resample`"):
        prepare_dataset(tmp_path, tmp_path / "set", settings=SETTINGS)
    settings = preparation_settings(patch_size=64, resample=True)
    dataset = prepare_dataset(tmp_path, tmp_path / "set", settings=settings)
    assert dataset.manifest.pixel_size_nm == pytest.approx(0.02)
    assert np.mean(dataset.labels[0] != disc) < 0.02
    assert dataset.images[0][disc].mean() < dataset.images[0][~disc].mean()


def test_micrographs_of_several_folders_and_scales_become_one_dataset(tmp_path: Path) -> None:
    settings = preparation_settings(patch_size=32, background_threshold=20, target_pixel_size_nm=0.02)
    fine = write_folder(tmp_path / "fine", 3)
    coarse = write_folder(tmp_path / "coarse", 3, pixel_size_nm=0.03)
    manifest = prepare_dataset([fine, coarse], tmp_path / "set", settings=settings).manifest
    assert manifest.pixel_size_nm == 0.02
    assert {(source.name, source.height) for source in manifest.sources} == {
        *((f"fine-m{number}.tif", 64) for number in range(3)),
        *((f"coarse-m{number}.tif", 96) for number in range(3)),
    }


def test_folders_of_one_name_and_labels_for_several_folders_are_refused(tmp_path: Path) -> None:
    one, other = write_folder(tmp_path / "a" / "raw"), write_folder(tmp_path / "b" / "raw")
    with pytest.raises(DatasetError, match="has the same name as"):
        prepare_dataset([one, other], tmp_path / "set", settings=SETTINGS)
    with pytest.raises(DatasetError, match="labels for several folders"):
        prepare_dataset([one, other], tmp_path / "set", labels=one / "labels", settings=SETTINGS)
    assert not (tmp_path / "set").exists()
