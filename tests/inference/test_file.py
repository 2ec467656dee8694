"""Stacks are segmented frame by frame, survive a kill, and leave nothing half-written."""

import csv
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import tifffile
from pydantic import ValidationError
from roifile import ImagejRoi

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.config.segmentation import SegmentSettings
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import DatasetError, NameTooLongError, ReadError, SettingsError, StorageError
from tem_rf.inference.file import segment_file
from tem_rf.inference.frame_store import FrameStore
from tem_rf.particles.table import read_particles
from tests.helpers.discs import discs
from tests.helpers.networks import Killed, bright


def movie(path: Path, frames: Any = 5, shape: tuple[int, ...] = (60, 70), pixel_size_nm: Any = 0.5) -> np.ndarray:
    """Two bright discs, one of which grows."""
    rng = np.random.default_rng(8)
    masks = np.stack([discs(shape, (20, 20, 8 + frame % 5), (40, 50, 9)) for frame in range(frames)])
    write_tiff(path, (rng.poisson(50, masks.shape) + 100 * masks).astype(np.uint16), pixel_size_nm=pixel_size_nm)
    return masks


def test_a_stack_becomes_a_stack_of_masks_with_its_pixel_size(tmp_path: Path) -> None:
    masks = movie(tmp_path / "m.tif")
    seen = []
    result = segment_file(
        [bright()], tmp_path / "m.tif", tmp_path / "out", SegmentSettings(), on_frame=lambda *done: seen.append(done)
    )
    assert seen == [(done, 5) for done in range(6)]
    with tifffile.TiffFile(result.files["mask"]) as tiff:
        written = tiff.asarray()
        assert tiff.is_imagej
        assert tiff.imagej_metadata["unit"] == "nm"
        numerator, denominator = tiff.pages[0].tags["XResolution"].value
        assert denominator / numerator == pytest.approx(0.5, rel=1e-5)
    assert written.dtype == np.uint8
    np.testing.assert_array_equal(written > 0, masks)
    assert (result.frames, result.sizes.count) == (5, 10)
    assert result.particle_fraction == pytest.approx(masks.mean())
    with result.files["particles"].open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("m_instances.tif", "m_mask.tif", "m_overlay.png", "m_particles.csv", "m_segmented.json", "m_sizes.png")
    ]


@pytest.mark.parametrize("frames", [1, 3])
def test_particles_of_low_confidence_are_left_out_of_every_result(frames: int, tmp_path: Path) -> None:
    masks = discs((90, 110), (25, 25, 14)), discs((90, 110), (70, 80, 12))
    counts = np.where(masks[0], 150, np.where(masks[1], 110, 50)).astype(np.uint16)
    write_tiff(tmp_path / "m.tif", np.stack([counts] * frames) if frames > 1 else counts, pixel_size_nm=0.5)
    write_tiff(tmp_path / "label.tif", np.stack([masks[0]] * frames) if frames > 1 else masks[0])
    arguments = ([bright()], tmp_path / "m.tif", tmp_path / "out")
    both = segment_file(*arguments, SegmentSettings(), label=tmp_path / "label.tif")
    confidence = sorted(one.confidence or 0 for one in read_particles(both.files["particles"])[0])
    assert (len(confidence), both.low_confidence) == (2, 0)
    settings = SegmentSettings(min_confidence=sum(confidence) / 2)
    one = segment_file(*arguments, settings, label=tmp_path / "label.tif")
    assert (one.sizes.count, one.low_confidence, one.left_out) == (frames, frames, 0)
    for kind in ("mask", "instances"):
        written = tifffile.imread(one.files[kind]).reshape(frames, *masks[0].shape)
        np.testing.assert_array_equal(written > 0, np.broadcast_to(masks[0], written.shape))
    assert one.scores is not None
    assert both.scores is not None
    assert (both.scores.false_positives, one.scores.false_positives) == (frames, 0)
    assert one.hard_dice == 1
    assert both.hard_dice is not None
    assert both.hard_dice < 0.8
    with pytest.raises(ValidationError):
        SegmentSettings(min_confidence=1.5)


@pytest.mark.parametrize("frames", [1, 3])
def test_the_instances_have_the_numbers_of_the_table(frames: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    mask = discs((90, 110), (25, 25, 14), (25, 51, 13), (70, 30, 12), (70, 80, 3))  # two touch, one is a speck
    counts = (rng.poisson(50, mask.shape) + 100 * mask).astype(np.uint16)
    write_tiff(tmp_path / "m.tif", np.stack([counts] * frames) if frames > 1 else counts, pixel_size_nm=0.5)
    settings = SegmentSettings(split_touching=True, min_diameter_px=8)
    result = segment_file([bright()], tmp_path / "m.tif", tmp_path / "out", settings)
    with tifffile.TiffFile(result.files["instances"]) as tiff:
        instances = tiff.asarray()
        assert (instances.dtype, tiff.imagej_metadata["unit"]) == (np.uint16, "nm")
    assert instances.shape == ((frames, *mask.shape) if frames > 1 else mask.shape)
    for frame, particles in zip(
        instances.reshape(frames, *mask.shape), read_particles(result.files["particles"], frames), strict=True
    ):
        assert [one.number for one in particles] == [1, 2, 3]
        for one in particles:
            assert np.count_nonzero(frame == one.number) == one.area_px
            assert np.argwhere(frame == one.number).mean(axis=0) == pytest.approx((one.y_px, one.x_px), rel=1e-5)


def test_touching_particles_of_a_numbered_label_are_scored_one_by_one(tmp_path: Path) -> None:
    label = np.zeros((60, 80), np.uint8)
    label[10:30, 10:30], label[10:30, 30:50], label[40:55, 60:75] = 1, 2, 3  # two squares without a neck between them
    rng = np.random.default_rng(8)
    write_tiff(tmp_path / "m.tif", (rng.poisson(50, label.shape) + 100 * (label > 0)).astype(np.uint16))
    arguments = ([bright()], tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    write_tiff(tmp_path / "label.tif", label)
    scores = segment_file(*arguments, label=tmp_path / "label.tif").scores
    assert (scores.labelled, scores.found, scores.merged, scores.split) == (3, 1, 2, 0)
    assert scores.instances.true_positives == (2,) + (1,) * 9  # half of the pair is one of its squares, to the pixel
    write_tiff(tmp_path / "label.tif", label > 0)
    result = segment_file(*arguments, label=tmp_path / "label.tif")
    assert (result.scores.labelled, result.scores.found, result.scores.merged) == (2, 2, 0)
    assert not any("necks" in note for note in result.notes)
    necked = (label > 0) & ~((np.arange(60)[:, None] // 6 != 3) & (np.arange(80) // 2 == 15))
    write_tiff(tmp_path / "label.tif", necked)
    result = segment_file(*arguments, label=tmp_path / "label.tif")
    assert result.scores.labelled == 3
    assert "label: does not number its particles, so regions with necks were split for the scores" in result.notes


def test_a_job_that_was_killed_goes_on_at_the_frame_where_it_was(tmp_path: Path) -> None:
    masks = movie(tmp_path / "m.tif")
    arguments = (tmp_path / "m.tif", tmp_path / "out", SegmentSettings(probability=True))
    with pytest.raises(Killed):
        segment_file([bright(kill_after=3)], *arguments)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".m.unfinished"]
    with (tmp_path / "out/.m.unfinished/mask.raw").open("ab") as raw:  # the kill came within a frame
        raw.write(b"half a frame")
    with (tmp_path / "out/.m.unfinished/frames.jsonl").open("a") as lines:
        lines.write('{"shape": [60')
    again = bright()
    result = segment_file([again], *arguments)
    assert len(again.calls) == 2
    np.testing.assert_array_equal(tifffile.imread(result.files["mask"]) > 0, masks)
    whole = segment_file([bright()], tmp_path / "m.tif", tmp_path / "whole", SegmentSettings(probability=True))
    for kind in ("mask", "probability", "particles"):
        assert result.files[kind].read_bytes() == whole.files[kind].read_bytes()


def test_a_file_that_is_finished_is_not_segmented_twice(tmp_path: Path) -> None:
    movie(tmp_path / "m.tif")
    arguments = (tmp_path / "m.tif", tmp_path / "out", SegmentSettings(split_touching=True))
    first = segment_file([bright()], *arguments)
    again = bright()
    second = segment_file([again], *arguments)
    assert again.calls == []
    assert replace(second, notes=()) == first
    assert "`overwrite`" in second.notes[0]
    segment_file([again], *arguments, overwrite=True)
    assert len(again.calls) == 5
    first.files["mask"].unlink()
    segment_file([again], *arguments)
    assert len(again.calls) == 10


def test_who_comes_second_to_a_file_waits_and_takes_over_what_the_first_has_done(tmp_path: Path) -> None:
    movie(tmp_path / "m.tif")
    arguments = (tmp_path / "m.tif", tmp_path / "out", SegmentSettings(probability=True))
    has_begun, is_waited_for = Event(), Event()

    def on_frame(done: int, count: int) -> None:
        if done == 2:
            has_begun.set()
            assert is_waited_for.wait(60)

    first, second = bright(), bright()
    with ThreadPoolExecutor(1) as other:
        result = other.submit(segment_file, [first], *arguments, on_frame=on_frame)
        assert has_begun.wait(60)
        taken_over = segment_file([second], *arguments, on_wait=is_waited_for.set)
        assert replace(taken_over, notes=()) == result.result()
    assert (len(first.calls), len(second.calls)) == (5, 0)
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize("change", ["model", "settings", "image"])
def test_what_was_begun_for_another_job_is_not_gone_on_with(change: str, tmp_path: Path) -> None:
    movie(tmp_path / "m.tif")
    with pytest.raises(Killed):
        segment_file([bright(kill_after=3)], tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    if change == "image":
        movie(tmp_path / "m.tif", shape=(62, 70))
    again = bright("other" if change == "model" else "bright")
    settings = SegmentSettings(split_touching=change == "settings")
    segment_file([again], tmp_path / "m.tif", tmp_path / "out", settings)
    assert len(again.calls) == 5


def test_a_frame_with_nan_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    stack = np.random.default_rng(1).normal(size=(4, 40, 40)).astype(np.float32)
    stack[2, 5, 5] = np.nan
    np.save(tmp_path / "m.npy", stack)
    with pytest.raises(ReadError, match=r"m\.npy: 1 of 1600 pixels are NaN .* \(frame 3 of 4\)"):
        segment_file([bright()], tmp_path / "m.npy", tmp_path / "out", SegmentSettings())
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("frames", [1, 2])
def test_a_name_too_long_for_its_results_is_a_clear_error(frames: int, tmp_path: Path) -> None:
    movie(tmp_path / "m.tif", frames)
    path = (tmp_path / "m.tif").rename(tmp_path / f"{'x' * 244}.tif")
    with pytest.raises(NameTooLongError, match="too long for the file system; shorten the name"):
        segment_file([bright()], path, tmp_path / "out", SegmentSettings())
    assert not [left for left in (tmp_path / "out").iterdir() if not left.name.endswith(".lock")]


def test_an_empty_stack_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.zeros((0, 40, 40), np.uint16))
    with pytest.raises(ReadError, match=r"m\.npy: [^\n]+$"):
        segment_file([bright()], tmp_path / "m.npy", tmp_path / "out", SegmentSettings())
    assert not (tmp_path / "out").exists()


def test_a_full_disk_keeps_the_frames_that_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = movie(tmp_path / "m.tif")
    arguments = (tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    append = FrameStore.append

    def full(store: Any, *record: Any) -> None:
        if len(store.records) == 3:
            raise StorageError("out: no space left on the disk")
        append(store, *record)

    with monkeypatch.context() as patch, pytest.raises(StorageError):
        patch.setattr(FrameStore, "append", full)
        segment_file([bright()], *arguments)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".m.unfinished"]
    again = bright()
    result = segment_file([again], *arguments)
    assert len(again.calls) == 2
    np.testing.assert_array_equal(tifffile.imread(result.files["mask"]) > 0, masks)


def test_labels_are_scored_frame_by_frame(tmp_path: Path) -> None:
    masks = movie(tmp_path / "m.tif")
    label = masks.copy()
    label[0, 30:50, 40:60] = False
    write_tiff(tmp_path / "m_label.tif", label)
    arguments = (tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    result = segment_file([bright()], *arguments, label=tmp_path / "m_label.tif")
    assert (result.scores.labelled, result.scores.found, result.scores.false_positives) == (9, 9, 1)
    assert 0.9 < result.hard_dice < 1
    write_tiff(tmp_path / "m_label.tif", label[:4])
    with pytest.raises(DatasetError, match=r"labels 4 of the 5 frames"):
        segment_file([bright()], *arguments, label=tmp_path / "m_label.tif")


def test_a_network_of_another_pixel_size_gives_masks_at_its_own(tmp_path: Path) -> None:
    masks = movie(tmp_path / "m.tif", frames=1)
    write_tiff(tmp_path / "m_label.tif", masks[0])
    segmenter = replace(bright(), preprocessing=PreprocessingSettings(target_pixel_size_nm=1.0))
    arguments = (tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    result = segment_file([segmenter], *arguments, label=tmp_path / "m_label.tif")
    assert tifffile.imread(result.files["mask"]).shape == (30, 35)
    assert result.pixel_size_nm == 1.0
    assert result.hard_dice > 0.9


def test_counts_on_a_scale_of_their_own_are_segmented_with_a_note(tmp_path: Path) -> None:
    masks = discs((60, 70), (20, 20, 8), (40, 50, 9))
    counts = np.random.default_rng(8).poisson(20_000, masks.shape) + 9000 * masks
    write_tiff(tmp_path / "m.tif", counts.astype(np.uint16), pixel_size_nm=0.5)
    segmenter = replace(bright(), preprocessing=PreprocessingSettings(xray_threshold=1500))
    result = segment_file([segmenter], tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    np.testing.assert_array_equal(tifffile.imread(result.files["mask"]) > 0, masks)
    assert ["x-ray outliers were not removed" in note for note in result.notes] == [True]


def test_an_enlargement_beyond_reason_names_the_file(tmp_path: Path) -> None:
    movie(tmp_path / "m.tif", frames=1, pixel_size_nm=90)
    segmenter = replace(bright(), preprocessing=PreprocessingSettings(target_pixel_size_nm=0.1))
    with pytest.raises(SettingsError, match=r"m\.tif: `target_pixel_size_nm`: from 90 nm .* `pixel_size_nm`"):
        segment_file([segmenter], tmp_path / "m.tif", tmp_path / "out", SegmentSettings())


@pytest.mark.parametrize("drawn_as", ["mask", "regions"])
def test_a_label_drawn_on_pixels_that_are_not_square_is_resampled_with_its_micrograph(
    drawn_as: str, tmp_path: Path
) -> None:
    masks = np.zeros((64, 128), bool)
    masks[10:30, 20:60] = True
    counts = np.random.default_rng(8).poisson(50, masks.shape) + 100 * masks
    tifffile.imwrite(
        tmp_path / "m.tif",
        counts.astype(np.uint16),
        imagej=True,
        resolution=(1 / 0.02, 1 / 0.04),
        metadata={"unit": "nm"},
    )
    if drawn_as == "mask":
        write_tiff(label := tmp_path / "label.tif", masks)
    else:
        ImagejRoi.frompoints([(20, 10), (60, 10), (60, 30), (20, 30)]).tofile(label := tmp_path / "label.roi")
    arguments = (tmp_path / "m.tif", tmp_path / "out", SegmentSettings(resample=True))
    result = segment_file([bright()], *arguments, label=label)
    assert tifffile.imread(result.files["mask"]).shape == (128, 128)
    assert result.hard_dice > 0.98


def test_an_ensemble_writes_where_it_disagrees(tmp_path: Path) -> None:
    movie(tmp_path / "m.tif", frames=1)
    settings = SegmentSettings(transforms=8, probability=True)
    result = segment_file([bright()], tmp_path / "m.tif", tmp_path / "out", settings)
    disagreement = tifffile.imread(result.files["disagreement"])
    assert disagreement.shape == (60, 70)
    assert disagreement.max() < 1e-5, "this network sees every pixel by itself, whichever way it is turned"


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path) -> None:
    def peak(frames: Any) -> int:
        movie(tmp_path / f"{frames}.tif", frames=frames, shape=(256, 256))
        tracemalloc.start()
        segment_file([bright()], tmp_path / f"{frames}.tif", tmp_path / "out", SegmentSettings())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)  # imports
    assert peak(40) < peak(4) + 2**21  # 36 frames are 2.4 MB of masks alone
