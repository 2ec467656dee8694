"""Touching particles are split by the distance of a network that gives it, whatever the tiles and windows."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tem_rf import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.config.segmentation import SegmentSettings
from tem_rf.data.distance_target import normalized_distance
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.readers import read_frames
from tem_rf.data.tiff import write_tiff
from tem_rf.inference.file import segment_file
from tem_rf.inference.model import Segmenter, load_segmenter
from tem_rf.inference.predict import segment_by_ensemble
from tem_rf.runs import RunFolder
from tests.helpers.labelled_folder import counts_with_disc, write_touching_folder
from tests.helpers.networks import bright


def knows(distance: np.ndarray) -> Segmenter:
    """A network that finds what is bright, and gives a distance (h, w) that it knows."""

    def logits(images: np.ndarray) -> np.ndarray:
        return np.concatenate([np.ones_like(images), images, distance[np.newaxis, ..., np.newaxis]], axis=-1)

    architecture = Architecture.from_name("n2-p22-distance")
    return Segmenter("knows", architecture, PreprocessingSettings(), None, logits, "knows")


def square_pair() -> tuple[np.ndarray, np.ndarray]:
    """(64, 64) counts and numbers of two squares side by side, between which there is no neck."""
    numbers = np.zeros((64, 64), np.int32)
    numbers[20:44, 8:32], numbers[20:44, 32:56] = 1, 2
    return np.where(numbers > 0, 200, 100).astype(np.uint16), numbers


def test_particles_without_a_neck_are_split_where_the_network_sees_two(tmp_path: Path) -> None:
    counts, numbers = square_pair()
    write_tiff(tmp_path / "pair.tif", counts)
    settings = SegmentSettings(split_touching=True, min_diameter_px=8)

    def found(segmenter: Segmenter) -> np.ndarray:
        result = segment_file([segmenter], tmp_path / "pair.tif", tmp_path / segmenter.name, settings)
        return next(read_frames(result.files["instances"], resample=True)).pixels

    np.testing.assert_array_equal(found(knows(normalized_distance(numbers))), numbers)
    assert found(bright()).max() == 1


def test_tiles_leave_no_trace_in_the_distance(distance_run: RunFolder) -> None:
    segmenter = load_segmenter(distance_run.path)
    image = Micrograph(counts_with_disc((150, 131), seed=98)[0])
    small, whole = (segment_by_ensemble([segmenter], image, tile_px=size, with_distance=True) for size in (24, 1024))
    np.testing.assert_allclose(small.distance, whole.distance, atol=1e-5)
    np.testing.assert_allclose(small.probability, whole.probability, atol=1e-5)


def test_views_and_networks_are_averaged_and_those_without_a_distance_left_out(distance_run: RunFolder) -> None:
    segmenter = load_segmenter(distance_run.path)
    image = Micrograph(counts_with_disc((64, 96), seed=97)[0])
    plain = segment_by_ensemble([segmenter], image)
    one = segment_by_ensemble([segmenter], image, with_distance=True)
    np.testing.assert_array_equal(plain.probability, one.probability)
    assert plain.distance is None

    def doubled(images: np.ndarray) -> np.ndarray:
        return segmenter.logits(images) * np.array([1, 1, 3], np.float32)

    others = [segmenter, replace(segmenter, logits=doubled), bright()]
    both = segment_by_ensemble(others, image, with_distance=True)
    np.testing.assert_allclose(both.distance, 2 * one.distance, rtol=1e-5, atol=1e-6)
    without = segment_by_ensemble([bright()], image, with_distance=True)
    assert without.distance is None
    turned = segment_by_ensemble([segmenter], image, transforms=8, with_distance=True)
    assert np.abs(turned.distance - one.distance).mean() < 0.2
    assert np.corrcoef(turned.distance.ravel(), one.distance.ravel())[0, 1] > 0.8


def test_real_weights_split_a_file(distance_run: RunFolder, tmp_path: Path) -> None:
    write_touching_folder(tmp_path / "raw", 1)
    settings = SegmentSettings(split_touching=True)
    result = segment_file(
        [load_segmenter(distance_run.path)], tmp_path / "raw" / "images" / "m0.tif", tmp_path / "out", settings
    )
    assert result.files["instances"].exists()
