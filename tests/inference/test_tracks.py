"""Discs whose motion is known are followed through a movie."""

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from tem_rf.config.segmentation import SegmentSettings, TrackSettings
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import ModelError, SettingsError
from tem_rf.inference.file import segment_file
from tem_rf.inference.tracks import track_file
from tem_rf.particles.measure import Particle, measure_particles
from tem_rf.particles.split import number_particles
from tem_rf.particles.tracking import Track, follow_particles
from tests.helpers.discs import discs
from tests.helpers.networks import bright

FRAMES = 8


def scene(frame: Any) -> np.ndarray:
    """A disc that moves and grows; one that dwindles away after frame 4; two that meet in frame 6; one that leaves."""
    circles = [(20, 15 + 3 * frame, 6 + frame / 4)]
    if frame < 4:
        circles.append((20, 100, 8 - frame))
    if frame < 5:
        circles += [(70, 40 + 2 * frame, 8), (70, 76 - 2 * frame, 8)]
    else:
        circles.append((70, 58, 11.3))  # of the area of both
    if frame < 6:
        circles.append((110 + 3 * frame, 120, 7))
    return discs((130, 140), *circles)


def particles_of(mask: np.ndarray) -> tuple[Particle, ...]:
    return measure_particles(number_particles(mask))


@pytest.fixture
def tracks() -> tuple[Track, ...]:
    return follow_particles([particles_of(scene(frame)) for frame in range(FRAMES)], max_step_px=10)


def by_start(tracks: Any) -> dict[tuple[int, int], Track]:
    return {(round(one.particles[0].y_px), round(one.particles[0].x_px)): one for one in tracks}


def test_a_moving_disc_is_one_track_at_its_known_places(tracks: tuple[Track, ...]) -> None:
    moving = by_start(tracks)[20, 15]
    assert moving.frames == tuple(range(1, FRAMES + 1))
    assert moving.end == "last frame"
    assert [one.x_px for one in moving.particles] == pytest.approx([15 + 3 * frame for frame in range(FRAMES)], abs=0.5)
    areas = [one.area_px for one in moving.particles]
    assert areas == pytest.approx([np.pi * (6 + frame / 4) ** 2 for frame in range(FRAMES)], rel=0.08)


def test_how_a_track_ends_is_said(tracks: tuple[Track, ...]) -> None:
    found = by_start(tracks)
    assert (found[20, 100].frames, found[20, 100].end) == ((1, 2, 3, 4), "vanished")
    assert found[110, 120].end == "border"
    ends = sorted([found[70, 40].end, found[70, 76].end])
    assert ends == ["last frame", "merged"], "one of the two goes on as both"
    assert len(tracks) == 5


def meeting(frame: int) -> np.ndarray:
    """A disc and a smaller one that touch in frame 2; the centre of both is 10 px from that of the larger."""
    circles = [(40, 40, 14), (40, 68 if frame < 2 else 66, 12)]
    return discs((80, 110), *circles)


@pytest.mark.parametrize("max_step_px", [5, 16])
def test_the_larger_of_two_that_merge_continues_although_its_centre_jumps(max_step_px: float) -> None:
    frames = [particles_of(meeting(frame)) for frame in range(4)]
    assert [len(particles) for particles in frames] == [2, 2, 1, 1]
    large, small = sorted(follow_particles(frames, max_step_px=max_step_px), key=lambda track: -len(track.frames))
    assert (large.frames, large.end) == ((1, 2, 3, 4), "last frame")
    assert (small.frames, small.end, small.merged_into) == ((1, 2), "merged", large.number)
    assert large.particles[1].area_px > small.particles[1].area_px


@pytest.mark.parametrize("max_step_px", [5, 16])
def test_the_larger_part_of_one_that_splits_continues_although_its_centre_jumps(max_step_px: float) -> None:
    frames = [particles_of(meeting(frame)) for frame in reversed(range(4))]
    whole, part = sorted(follow_particles(frames, max_step_px=max_step_px), key=lambda track: -len(track.frames))
    assert (whole.frames, whole.start) == ((1, 2, 3, 4), "first frame")
    assert (part.frames, part.start, part.split_from) == ((3, 4), "split", whole.number)
    assert whole.particles[2].area_px > part.particles[0].area_px


def test_a_particle_that_vanishes_beside_one_that_does_not_grow_has_not_merged() -> None:
    both, one = (particles_of(discs((80, 110), *circles)) for circles in ([(40, 40, 14), (40, 68, 12)], [(40, 40, 14)]))
    vanished = next(track for track in follow_particles([both, both, one], max_step_px=16) if len(track.frames) == 2)
    assert (vanished.end, vanished.merged_into) == ("vanished", None)


def test_memory_bridges_frames_in_which_a_particle_is_not_seen() -> None:
    frames = [particles_of(scene(frame) if frame != 2 else np.zeros((130, 140), bool)) for frame in range(4)]
    with_gap = by_start(follow_particles(frames, max_step_px=10, memory=1))
    assert with_gap[20, 15].frames == (1, 2, 4)
    assert follow_particles(frames, max_step_px=10)[0].frames == (1, 2)


def test_a_movie_without_particles_has_no_tracks() -> None:
    assert follow_particles([(), (), ()], max_step_px=3) == ()


def test_table_and_pictures_of_a_segmented_movie(tmp_path: Path) -> None:
    masks = np.stack([scene(frame) for frame in range(FRAMES)])
    counts = np.random.default_rng(1).poisson(50, masks.shape) + 200 * masks
    write_tiff(tmp_path / "m.tif", counts.astype(np.uint16), pixel_size_nm=0.5)
    settings = SegmentSettings(min_diameter_px=5)
    segmented = segment_file([bright()], tmp_path / "m.tif", tmp_path / "out", settings)
    tracked = track_file(segmented, tmp_path / "out", TrackSettings(max_step_nm=5, frame_interval_s=0.25))
    assert tracked.tracks == 5
    assert tracked.ends == {"last frame": 2, "vanished": 1, "merged": 1, "border": 1}
    with tracked.files["tracks"].open() as file:
        rows = [row for row in csv.DictReader(file) if row["end"] == "last frame" and float(row["y_px"]) < 30]
    assert [float(row["time_s"]) for row in rows] == [0.25 * frame for frame in range(FRAMES)]
    assert [float(row["x_nm"]) for row in rows] == pytest.approx(
        [(15 + 3 * frame) / 2 for frame in range(FRAMES)], abs=0.3
    )
    assert float(rows[0]["area_nm2"]) == pytest.approx(float(rows[0]["area_px"]) / 4)
    by_track, by_particle = (
        tifffile.imread(tracked.files["track_instances"]),
        tifffile.imread(segmented.files["instances"]),
    )
    for row in rows:
        frame, track, particle = (int(row[name]) for name in ("frame", "track", "particle"))
        np.testing.assert_array_equal(by_track[frame - 1] == track, by_particle[frame - 1] == particle)
    np.testing.assert_array_equal(by_track > 0, by_particle > 0)
    for kind in ("paths", "development"):
        with Image.open(tracked.files[kind]) as picture:
            assert min(picture.size) > 300


def test_the_time_between_frames_is_that_of_the_file_unless_it_is_given(tmp_path: Path) -> None:
    masks = np.stack([scene(frame) for frame in range(3)])
    counts = (50 + np.random.default_rng(1).poisson(50, masks.shape) + 200 * masks).astype(np.uint16)
    tifffile.imwrite(tmp_path / "m.tif", counts, imagej=True, metadata={"axes": "TYX", "finterval": 0.5})
    segmented = segment_file([bright()], tmp_path / "m.tif", tmp_path / "out", SegmentSettings(min_diameter_px=5))
    for given, used in ((None, 0.5), (2.0, 2.0)):
        tracked = track_file(segmented, tmp_path / "out", TrackSettings(max_step_px=10, frame_interval_s=given))
        assert tracked.frame_interval_s == used
        with tracked.files["tracks"].open() as file:
            assert {float(row["time_s"]) for row in csv.DictReader(file)} == {0, used, 2 * used}


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="`max_step_nm` and `max_step_px`"):
        TrackSettings().check()
    with pytest.raises(SettingsError, match="`pixel_size_nm`"):
        TrackSettings(max_step_nm=2).step_px(None)
    monkeypatch.setitem(sys.modules, "trackpy", None)
    with pytest.raises(ModelError, match=r"pip install 'tem-rf\[movies\]'"):
        follow_particles([particles_of(scene(0))] * 2, max_step_px=5)
