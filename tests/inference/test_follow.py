"""Files are segmented as they are completed: none lost, none twice, also after a kill."""

import csv
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tem_rf.config.segmentation import SegmentSettings
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import ReadError
from tem_rf.inference.file import segment_file
from tem_rf.inference.follow import Followed, follow_folders
from tem_rf.inference.job import SegmentJob
from tests.helpers.discs import discs
from tests.helpers.followed_session import FRAMES, STACKS
from tests.helpers.networks import CountingSegmenter, Killed, OneNetwork, bright


class Session:
    """A followed folder, with a clock that only moves while the follower sleeps, and writers that act meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.output = folder / "in", folder / "out"
        self.notes: list[str] = []
        self.steps: list[str] = []
        self.folder.mkdir()
        self.now_s = 0.0

    def follow(
        self, *writers: Callable[[], Any], network: CountingSegmenter | None = None, every_s: float = 10
    ) -> Followed:
        """Let a writer act every so often, and press Ctrl-C when all have acted."""
        actions: Iterator[Any] = iter(writers)
        due_s = self.now_s

        def sleep(seconds: float) -> None:
            nonlocal due_s
            self.now_s += seconds
            if self.now_s >= due_s:
                act = next(actions, None)
                due_s = self.now_s + every_s
                if act is None:
                    raise KeyboardInterrupt
                act()

        return follow_folders(
            [self.folder],
            OneNetwork(network or bright()),
            SegmentJob(self.output, SegmentSettings(), growing=True),
            2.0,
            on_step=self.steps.append,
            on_note=self.notes.append,
            clock=lambda: self.now_s,
            sleep=sleep,
        )

    def write(self, frames: int, name: str = "m.tif", start: int = 0) -> None:
        """Write a stack; frame i holds the same pixels however long it is."""
        masks = [discs((48, 56), (16, 16, 6 + frame % 5), (32, 40, 7)) for frame in range(start, start + frames)]
        noise = [np.random.default_rng(frame).poisson(50, (48, 56)) for frame in range(start, start + frames)]
        counts = np.stack(noise) + 100 * np.stack(masks)
        write_tiff(self.folder / name, counts.astype(np.uint16), pixel_size_nm=0.5)

    def frames(self, name: str = "m") -> list[int]:
        with (self.output / f"{name}_particles.csv").open() as file:
            return [int(row["frame"]) for row in csv.DictReader(file)]

    def left_over(self) -> list[str]:
        return [path.name for path in self.output.iterdir() if path.name.endswith(".unfinished")]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def twice(count: int) -> list[int]:
    """Frames of the table: two particles in each."""
    return [frame for frame in range(1, count + 1) for _ in range(2)]


def test_a_growing_stack_continues_at_its_next_frame(session: Session) -> None:
    network = bright()
    followed = session.follow(*(lambda count=count: session.write(count) for count in (2, 3, 6)), network=network)
    assert len(network.calls) == 6
    assert session.frames() == twice(6)
    ((result, _),) = followed.segmented.values()
    assert result.frames == len(tifffile.imread(result.files["mask"])) == 6
    assert session.steps[-1].endswith(
        f"1 file, 6 frames, 12 particles, mean diameter {result.sizes.mean_px * 0.5:.3g} nm (n = 12), 0 waiting"
    )
    assert session.left_over() == []


def test_a_beam_that_fails_is_an_alarm(session: Session) -> None:
    def write(number: int, counts: int) -> None:
        noise = np.random.default_rng(number).poisson(counts, (48, 56)).astype(np.uint16)
        write_tiff(session.folder / f"{number}.tif", noise, pixel_size_nm=0.5)

    session.follow(*(partial(write, number, counts) for number, counts in enumerate([90, 90, 90, 30, 30])))
    (alarm,) = [note for note in session.notes if note.startswith("Alarm")]
    assert alarm.startswith("Alarm: 3.tif: mean of 30 counts, 0.33 times that of the first frames (90")


def test_after_a_kill_it_resumes_at_the_next_frame(session: Session) -> None:
    with pytest.raises(Killed):
        session.follow(lambda: session.write(2), lambda: session.write(5), network=bright(kill_after=3))
    session.write(7)  # it grew while nobody followed
    network = bright()
    session.follow(lambda: None, network=network)
    assert (len(network.calls), session.frames()) == (4, twice(7))
    again = bright()
    assert list(session.follow(lambda: None, network=again).segmented) == [session.folder / "m.tif"]
    assert (again.calls, session.frames()) == ([], twice(7))


def test_frames_that_were_replaced_are_segmented_again(session: Session) -> None:
    network = bright()
    session.follow(lambda: session.write(4), lambda: session.write(3, start=10), network=network)
    assert (len(network.calls), session.frames()) == (7, twice(3))


def test_a_damaged_file_is_reported_once_and_tried_again_when_it_has_changed(session: Session) -> None:
    def cut() -> None:
        session.write(1, "whole.tif")
        session.write(2)
        whole = (session.folder / "m.tif").read_bytes()
        (session.folder / "m.tif").write_bytes(whole[: len(whole) // 2])

    followed = session.follow(cut, lambda: None)
    assert list(followed.failed) == [session.folder / "m.tif"]
    assert sum("m.tif" in note for note in session.notes) == 1
    assert list(followed.segmented) == [session.folder / "whole.tif"]
    followed = session.follow(cut, lambda: session.write(2))
    assert (followed.failed, session.frames()) == ({}, twice(2))


def test_a_copy_that_is_slow_is_not_reported_as_damaged(session: Session) -> None:
    session.write(3)
    whole = (session.folder / "m.tif").read_bytes()
    (session.folder / "m.tif").unlink()
    pieces = [whole[: len(whole) * part // 8] for part in range(1, 9)]

    network = bright()
    writers = [partial((session.folder / "m.tif").write_bytes, piece) for piece in pieces]
    session.follow(*writers, *[lambda: None] * 8, network=network, every_s=1)
    assert (len(network.calls), session.frames()) == (3, twice(3))
    assert [note for note in session.notes if "m.tif" in note] == [note for note in session.notes if "3 frames" in note]


def test_two_files_of_one_name_do_not_overwrite_each_other(session: Session) -> None:
    followed = session.follow(lambda: session.write(2), lambda: session.write(1, "m.tiff"))
    assert session.frames() == twice(2)
    assert [str(error).partition(": ")[2][:28] for error in followed.failed.values()] == [
        "has the same name as m.tif, "
    ]


def test_a_file_is_segmented_once_the_other_of_its_name_was_renamed(session: Session) -> None:
    def rename() -> None:
        (session.folder / "m.tif").rename(session.folder / "n.tif")

    network = bright()
    followed = session.follow(
        lambda: session.write(2), lambda: session.write(1, "m.tiff"), rename, lambda: None, network=network
    )
    assert (session.frames("m"), session.frames("n"), len(network.calls)) == (twice(1), twice(2), 5)
    assert followed.failed == {}


def test_a_damaged_file_that_was_removed_has_not_failed(session: Session) -> None:
    damaged = session.folder / "m.tif"
    followed = session.follow(lambda: damaged.write_bytes(b"no image"), damaged.unlink, lambda: None)
    assert followed.failed == {}
    assert sum("m.tif" in note for note in session.notes) == 1


def test_a_file_that_shrinks_is_reported_and_keeps_its_results(session: Session) -> None:
    def shrink() -> None:
        path = session.folder / "m.tif"
        path.write_bytes(path.read_bytes()[:3000])

    followed = session.follow(lambda: session.write(2), shrink, lambda: None)
    assert list(followed.failed) == [session.folder / "m.tif"]
    assert session.frames() == twice(2)


def test_a_folder_that_is_replaced_is_followed(session: Session) -> None:
    def replace() -> None:
        session.folder.rename(session.folder.with_name("before"))
        session.folder.mkdir()
        session.write(3, start=10)

    network = bright()
    session.follow(lambda: session.write(2), replace, lambda: None, network=network)
    assert (len(network.calls), session.frames()) == (5, twice(3))


def test_two_followers_of_one_folder_segment_each_frame_once(session: Session, tmp_path: Path) -> None:
    second, networks = Session.__new__(Session), (bright(), bright())
    vars(second).update(vars(session), notes=[], steps=[])
    with ThreadPoolExecutor(2) as both:
        session.write(4)
        done = [
            both.submit(one.follow, lambda: None, network=network)
            for one, network in zip((session, second), networks, strict=True)
        ]
        assert [future.result().failed for future in done] == [{}, {}]
    assert sum(len(network.calls) for network in networks) == 4
    assert session.frames() == twice(4)


def test_a_folder_that_vanishes_ends_it(session: Session) -> None:
    with pytest.raises(ReadError, match="is gone"):
        session.follow(lambda: session.folder.rename(session.folder.with_name("elsewhere")), lambda: None)


@pytest.mark.slow
def test_no_frame_is_lost_or_twice_if_writer_and_follower_are_killed(tmp_path: Path) -> None:
    def start(role: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "tests.helpers.followed_session", role, str(tmp_path)])

    rng = np.random.default_rng(752)
    processes = {role: start(role) for role in ("write", "follow")}
    try:
        for _ in range(10):
            time.sleep(rng.uniform(1, 4))
            role = ("write", "follow")[rng.integers(2)]
            processes[role].kill()
            processes[role].wait()
            processes[role] = start(role)
        assert processes["write"].wait(timeout=120) == 0
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not all(
            table_of(tmp_path, stack) == twice(FRAMES) for stack in range(STACKS)
        ):
            time.sleep(0.2)
        processes["follow"].send_signal(signal.SIGINT)
        assert processes["follow"].wait(timeout=20) == 0
    finally:
        for process in processes.values():
            process.kill()
    for stack in range(STACKS):
        assert table_of(tmp_path, stack) == twice(FRAMES)
        once = segment_file([bright()], tmp_path / f"in/s{stack}.tif", tmp_path / "once", SegmentSettings())
        for file in (once.files["mask"], once.files["instances"], once.files["particles"]):
            assert file.read_bytes() == (tmp_path / "out" / file.name).read_bytes()
    assert not list((tmp_path / "out").glob(".*.unfinished"))


def table_of(folder: Path, stack: int) -> list[int]:
    table = folder / f"out/s{stack}_particles.csv"
    if not table.exists():
        return []
    with table.open() as file:
        return [int(row["frame"]) for row in csv.DictReader(file)]
