"""Tables of the tracks of a movie whose drift and lattices are known."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import shift

from tem_rf.config.segmentation import TrackSettings
from tem_rf.data.preparation.growing_stack import GrowingStack
from tem_rf.inference.results import SegmentedFile
from tem_rf.inference.tracks import TrackedFile, track_file
from tem_rf.lattice.measure import ParticleLattice
from tem_rf.lattice.table import add_to_particles
from tem_rf.particles.measure import measure_particles
from tem_rf.particles.sizes import summarize_sizes
from tem_rf.particles.table import write_particles
from tests.helpers.drawn_lattice import disc, speckle

FRAMES, SIZE = 7, 150
PLACES = [(45, 40), (50, 105), (110, 60), (105, 115)]
STEP = np.array([1.5, -2.25])  # rows, columns per frame


def write_stack(path: Path, images: Iterator[np.ndarray]) -> None:
    path.parent.mkdir(exist_ok=True)
    with GrowingStack(path) as stack:
        for image in images:
            stack.append(image, 0.5)


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> SegmentedFile:
    """Four particles that keep still on a film that drifts; the second one is a crystal from frame 4 on."""
    folder = tmp_path_factory.mktemp("movie")
    shape, output = (SIZE, SIZE), folder / "out"
    film = speckle((SIZE + 40, SIZE + 40), 5)
    numbers = []
    for frame in range(FRAMES):
        moved = [np.array(place) + frame * STEP for place in PLACES]
        numbers.append(sum(k * disc(shape, y, x, 18) for k, (y, x) in enumerate(moved, start=1)).astype(np.uint16))
    counts = (
        1000 + 100 * shift(film, frame * STEP, order=1)[20:-20, 20:-20] - 200.0 * (numbers[frame] > 0)
        for frame in range(FRAMES)
    )
    write_stack(folder / "m.tif", (one.astype(np.uint16) for one in counts))
    files = {kind: output / f"m_{kind}.tif" for kind in ("mask", "instances")}
    files["particles"] = output / "m_particles.csv"
    write_stack(files["instances"], iter(numbers))
    write_stack(files["mask"], ((one > 0) * np.uint8(255) for one in numbers))
    particles = [measure_particles(one.astype(int)) for one in numbers]
    write_particles(files["particles"], enumerate(particles, start=1), pixel_size_nm=0.5)
    sizes = summarize_sizes(particles[0])
    return SegmentedFile(folder / "m.tif", files, FRAMES, 0.1, 0.5, sizes, 0, 8.0, None, None, ())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def followed(segmented: SegmentedFile, output: Path, *, correct_drift: bool) -> TrackedFile:
    settings = TrackSettings(max_step_px=8, frame_interval_s=0.5, correct_drift=correct_drift)
    return track_file(segmented, output, settings)


def test_drift_is_reported_and_removed_from_the_motion(segmented: SegmentedFile, tmp_path: Path) -> None:
    tracked = followed(segmented, tmp_path, correct_drift=True)
    total = np.linalg.norm(STEP) * (FRAMES - 1)
    drift = tracked.motion["drift"]
    assert drift["total"] == pytest.approx(total * 0.5, abs=0.2)
    assert (drift["unit"], drift["frames_not_measured"]) == ("nm", [])
    assert tracked.notes == (f"m.tif: corrected a drift of {drift['total']:.3g} nm from the first to the last frame",)
    places = rows_of(tracked.files["tracks"])
    for row in places:
        y, x = PLACES[int(row["particle"]) - 1]
        moved = (int(row["frame"]) - 1) * STEP
        assert float(row["y_px"]) == pytest.approx(y + moved[0], abs=0.5), "as recorded"
        assert float(row["x_px"]) == pytest.approx(x + moved[1], abs=0.5)
        assert float(row["y_without_drift_px"]) == pytest.approx(y, abs=1)
        assert float(row["x_without_drift_px"]) == pytest.approx(x, abs=1)
    steps = rows_of(tracked.files["drift"])
    assert [float(steps[-1][name]) for name in ("y_px", "x_px")] == pytest.approx(STEP * (FRAMES - 1), abs=0.4)
    still = tracked.motion["diffusion"]
    assert still["unit"] == "nm²/s"
    assert still["coefficient"] < 0.05
    assert "no drift left" in still["assumptions"]
    json.dumps(tracked.motion)
    assert tracked.files["motion_plot"].stat().st_size > 5000


def test_without_correction_nothing_is_corrected(segmented: SegmentedFile, tmp_path: Path) -> None:
    tracked = followed(segmented, tmp_path, correct_drift=False)
    assert tracked.motion["drift"] is None
    assert "drift" not in tracked.files
    assert tracked.notes == ()
    assert tracked.motion["diffusion"]["exponent"] == pytest.approx(2, abs=0.1)
    assert rows_of(tracked.files["events"]) == []
    assert {row["end"] for row in rows_of(tracked.files["track_statistics"])} == {"last frame"}


def test_tracks_have_the_lattice_of_their_particles_over_time(segmented: SegmentedFile, tmp_path: Path) -> None:
    def lattice(number: int, frame: int) -> ParticleLattice:
        if number == 2 and frame >= 4:
            return ParticleLattice(number, "single", 0.9, 0.8, ("<110>",), orientation_deg=30.0 + frame)
        return ParticleLattice(number, "amorphous", 0.9, 0.0)

    before = segmented.files["particles"].read_bytes()
    add_to_particles(
        segmented.files["particles"],
        [(frame, [lattice(number, frame) for number in range(1, 5)]) for frame in range(1, FRAMES + 1)],
    )
    tracked = followed(segmented, tmp_path, correct_drift=False)
    segmented.files["particles"].write_bytes(before)
    own = [row for row in rows_of(tracked.files["tracks"]) if row["particle"] == "2"]
    assert [row["lattice_class"] for row in own] == ["amorphous"] * 3 + ["single"] * 4
    assert [row["orientation_deg"] for row in own[3:]] == ["34", "35", "36", "37"]
    statistics = {row["track"]: row for row in rows_of(tracked.files["track_statistics"])}[own[0]["track"]]
    assert (statistics["first_lattice_class"], statistics["last_lattice_class"]) == ("amorphous", "single")
    assert statistics["lattice_class_changes"] == "1"
    assert float(statistics["mean_crystallinity"]) == pytest.approx(0.8 * 4 / 7, abs=1e-4)
