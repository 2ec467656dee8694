"""While the network runs, earlier files are measured and written: the results are the same as one after the other."""

import signal
import subprocess
import sys
import threading
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tem_rf.config.segmentation import Pictures, SegmentSettings
from tem_rf.data.formats.remarks import collect_remarks
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import ReadError, StorageError, TemRfError
from tem_rf.inference import job as job_module
from tem_rf.inference import overlap
from tem_rf.inference.file import segment_file
from tem_rf.inference.frame_store import FrameRecord, FrameStore, HeldFrame
from tem_rf.inference.job import LabelledFile, SegmentJob, segment_files
from tem_rf.inference.model import Segmenter
from tem_rf.inference.overlap import NetworkTurn, StoppedError
from tests.helpers.discs import discs
from tests.helpers.networks import Killed, OneNetwork, bright
from tests.helpers.repository import ROOT
from tests.helpers.waiting import wait_for

FRAMES = {"a": 1, "b": 1, "c": 5, "d": 1, "e": 1, "f": 3, "g": 1}


class Announced(OneNetwork):
    """A network for all files, with a note about each."""

    def segmenters(self, file: Path, **rest: Any) -> Any:
        rest["on_note"](f"{file.name}: using bright")
        return super().segmenters(file)


@dataclass
class Heard:
    """What a job reported."""

    notes: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, path: Path, error: TemRfError) -> None:
        self.notes.append(str(error))
        self.failed.append((path.name, type(error).__name__))


@pytest.fixture
def files(tmp_path: Path) -> list[LabelledFile]:
    return write_files(tmp_path / "in")


def write_files(folder: Path) -> list[LabelledFile]:
    """Files of one and of several frames, and one without a pixel size."""
    rng = np.random.default_rng(8)
    folder.mkdir()
    for name, frames in FRAMES.items():
        masks = np.stack([discs((60, 70), (20, 20, 8 + frame % 5), (40, 50, 9)) for frame in range(frames)])
        counts = (rng.poisson(50, masks.shape) + 100 * masks).astype(np.uint16)
        size_nm = None if name == "b" else 0.5
        write_tiff(folder / f"{name}.tif", counts if frames > 1 else counts[0], pixel_size_nm=size_nm)
    return [LabelledFile(folder / f"{name}.tif") for name in FRAMES]


def segment(files: list[LabelledFile], output: Path, network: Segmenter | None = None) -> Heard:
    heard = Heard()
    job = SegmentJob(output, SegmentSettings(probability=True))
    segment_files(files, Announced(network or bright()), job, on_note=heard.notes.append, on_failure=heard.fail)
    return heard


def written(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each frame be measured and written before the next is read."""
    for module in (overlap, job_module):
        monkeypatch.setattr(module, "MAX_AHEAD", 0)


def test_files_and_notes_are_the_same_as_one_after_the_other(
    files: list[LabelledFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlapping = segment(files, tmp_path / "overlapping")
    with monkeypatch.context() as patch:
        in_turn(patch)
        assert segment(files, tmp_path / "in turn").notes == overlapping.notes
    assert [note for note in overlapping.notes if "using" in note] == [f"{name}.tif: using bright" for name in FRAMES]
    assert len(written(tmp_path / "overlapping")) == 7 * len(FRAMES)
    text = {name: content for name, content in written(tmp_path / "in turn").items() if not name.endswith(".json")}
    assert text.items() <= written(tmp_path / "overlapping").items()


def test_the_network_runs_while_an_earlier_file_is_measured(
    files: list[LabelledFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_by: set[int] = set()
    is_in_network = threading.Event()
    append = HeldFrame.append

    def wait_for_the_next(*arguments: Any) -> None:
        if not measured_by:
            assert is_in_network.wait(60), "the network does not start before the file is written"
        measured_by.add(threading.get_ident())
        append(*arguments)

    network = bright()

    def logits(images: np.ndarray) -> np.ndarray:
        if len(network.calls) == 1:
            is_in_network.set()
        return network.logits(images)

    monkeypatch.setattr(HeldFrame, "append", wait_for_the_next)
    assert segment(files[:2], tmp_path / "out", replace(network, logits=logits)).failed == []
    assert threading.get_ident() not in measured_by


@pytest.mark.parametrize("position", [1, 2, 6])
def test_a_file_that_cannot_be_segmented_is_reported_in_its_place(
    position: int, files: list[LabelledFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = files[position].path.name
    write_tiff(files[position].path, np.full((FRAMES[name[0]], 60, 70), 7, np.uint16))
    heard = segment(files, tmp_path / "out")
    assert heard.failed == [(name, "ReadError")]
    with monkeypatch.context() as patch:
        in_turn(patch)
        assert segment(files, tmp_path / "in turn").notes == heard.notes
    assert {path.name[0] for path in (tmp_path / "out").iterdir()} == set(FRAMES) - {name[0]}


def test_a_full_disk_ends_the_job_at_the_file_that_did_not_fit(
    files: list[LabelledFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = HeldFrame.append
    network = bright()

    def full(*arguments: Any) -> None:
        if len(network.calls) >= 2:
            raise StorageError("out: no space left on the disk")
        append(*arguments)

    monkeypatch.setattr(HeldFrame, "append", full)
    with pytest.raises(StorageError):
        segment(files, tmp_path / "out", network)
    assert len(network.calls) < sum(FRAMES.values())
    assert not [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_an_interruption_keeps_the_files_and_frames_that_are_done(files: list[LabelledFile], tmp_path: Path) -> None:
    with pytest.raises(Killed):
        segment(files, tmp_path / "out", bright(kill_after=5))  # within c, of five frames
    assert sorted(path.name for path in (tmp_path / "out").glob("*.json")) == ["a_segmented.json", "b_segmented.json"]
    assert [path.name for path in (tmp_path / "out").glob(".*")] == [".c.unfinished"]
    again = bright()
    segment(files, tmp_path / "out", again)
    assert len(again.calls) == sum(FRAMES.values()) - 5
    segment(files, tmp_path / "whole")
    whole = {name: content for name, content in written(tmp_path / "whole").items() if not name.endswith(".json")}
    assert whole.items() <= written(tmp_path / "out").items()


KILLED = """
import sys
from pathlib import Path
from tem_rf.config.segmentation import SegmentSettings
from tem_rf.inference.job import LabelledFile, SegmentJob, segment_files
from tests.helpers.networks import OneNetwork, bright
files = [LabelledFile(path) for path in sorted(Path(sys.argv[1]).glob("*.tif"))]
job = SegmentJob(Path(sys.argv[2]), SegmentSettings(probability=True))
def stop(what):
    if "3 of 5" in what:
        print("now", flush=True)
        sys.stdin.read()
segment_files(files, OneNetwork(bright()), job, on_step=stop)
"""


def test_a_killed_process_is_resumed(files: list[LabelledFile], tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "in"), str(tmp_path / "out")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"now\n"
        wait_for(lambda: (tmp_path / "out/b_segmented.json").exists())
        process.send_signal(signal.SIGKILL)
    again = bright()
    segment(files, tmp_path / "out", again)
    assert len(again.calls) == sum(FRAMES.values()) - 5  # a, b and three frames of c
    segment(files, tmp_path / "whole")
    whole = {name: content for name, content in written(tmp_path / "whole").items() if not name.endswith(".json")}
    assert whole.items() <= written(tmp_path / "out").items()


def test_frames_enter_the_network_in_order_and_one_at_a_time() -> None:
    turn, entered, first_waits = NetworkTurn(), list[int](), threading.Event()
    is_inside = threading.Lock()

    def pass_network(ticket: int) -> None:
        def logits(images: np.ndarray) -> np.ndarray:
            assert is_inside.acquire(blocking=False), "two frames are in the network"
            entered.append(ticket)
            is_inside.release()
            return images

        if ticket == 0:
            assert first_waits.wait(60)  # until the others are there
        with turn.of(ticket, [replace(bright(), logits=logits)]) as (network,):
            for _ in range(3):
                network.logits(np.zeros(1))

    threads = [threading.Thread(target=pass_network, args=(turn.ticket(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    first_waits.set()
    for thread in threads:
        thread.join(60)
    assert sorted(entered) == sorted([0, 1, 2, 3] * 3)
    assert [ticket for place, ticket in enumerate(entered) if ticket not in entered[:place]] == [0, 1, 2, 3]


def test_a_frame_that_fails_before_the_network_keeps_no_other_waiting() -> None:
    turn = NetworkTurn()
    first, second = turn.ticket(), turn.ticket()
    with pytest.raises(ReadError), turn.of(first, [bright()]):
        raise ReadError("is constant")
    with turn.of(second, [bright()]) as (network,):
        assert network.logits(np.zeros((1, 4, 4, 1))).shape == (1, 4, 4, 2)


def test_no_frame_enters_the_network_after_it_was_stopped() -> None:
    turn, network = NetworkTurn(), bright()
    turn.stop()
    with pytest.raises(StoppedError), turn.of(turn.ticket(), [network]) as (taking_turns,):
        taking_turns.logits(np.zeros((1, 4, 4, 1)))
    assert network.calls == []


def test_an_interruption_stores_the_frames_that_have_passed_the_network(tmp_path: Path) -> None:
    path = write_files(tmp_path / "in")[2].path  # five frames
    arguments = (path, tmp_path / "out", SegmentSettings())

    def interrupt(done: int, count: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    first, again = bright(), bright()
    with pytest.raises(KeyboardInterrupt):
        segment_file([first], *arguments, on_frame=interrupt)
    segment_file([again], *arguments)
    assert len(again.calls) <= 3
    segment_file([bright()], path, tmp_path / "whole", SegmentSettings())
    whole = {name: content for name, content in written(tmp_path / "whole").items() if not name.endswith(".json")}
    assert whole.items() <= written(tmp_path / "out").items()


def test_no_frame_follows_half_of_another(tmp_path: Path) -> None:
    def record(number: int) -> FrameRecord:
        return FrameRecord((2, 3), None, (), number, 8.0, None, None, ())

    store = FrameStore(tmp_path / "store", {}, {"mask": np.dtype(np.uint8), "instances": np.dtype(np.uint32)})
    images = [{"mask": np.full((2, 3), one, np.uint8), "instances": np.full((2, 3), one)} for one in range(3)]
    store.append(record(0), images[0])
    with pytest.raises(KeyError):
        store.append(record(1), {"mask": images[1]["mask"]})  # the second kind is not written
    store.append(record(2), images[2])
    for kind in ("mask", "instances"):
        assert [image[0, 0] for image in store.images(kind)] == [0, 2]
    again = FrameStore(tmp_path / "store", {}, {"mask": np.dtype(np.uint8), "instances": np.dtype(np.uint32)})
    assert [one.left_out for one in again.records] == [0, 2]


def test_frames_ahead_are_bounded_by_their_size() -> None:
    assert [overlap.frames_ahead(side**2) for side in (256, 2048, 4096, 4097)] == [2, 2, 1, 0]


@pytest.mark.parametrize(("pictures", "width"), [("small", 1000), ("full", 3000)])
def test_pictures_are_as_large_as_wanted(pictures: Pictures, width: int, tmp_path: Path) -> None:
    mask = discs((300, 3000), (150, 400, 60))
    counts = (np.random.default_rng(8).poisson(50, mask.shape) + 100 * mask).astype(np.uint16)
    write_tiff(tmp_path / "m.tif", counts, pixel_size_nm=0.5)
    arguments = ([bright()], tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    result = segment_file(*arguments, pictures=pictures)
    with Image.open(result.files["overlay"]) as picture:
        assert picture.width == width


def test_pictures_are_drawn_later_without_the_network(tmp_path: Path) -> None:
    mask = discs((60, 70), (20, 20, 8))
    counts = (np.random.default_rng(8).poisson(50, mask.shape) + 100 * mask).astype(np.uint16)
    write_tiff(tmp_path / "m.tif", counts, pixel_size_nm=0.5)
    arguments = (tmp_path / "m.tif", tmp_path / "out", SegmentSettings())
    assert {"overlay", "histogram"} & segment_file([bright()], *arguments, pictures="none").files.keys() == set()
    assert not list((tmp_path / "out").glob("*.png"))
    again = bright()
    drawn = segment_file([again], *arguments, pictures="full")
    assert again.calls == []
    assert segment_file([again], *arguments).files == drawn.files  # which are not drawn smaller
    fresh = segment_file([again], tmp_path / "m.tif", tmp_path / "fresh", SegmentSettings(), pictures="full")
    for kind in ("overlay", "histogram"):
        assert drawn.files[kind].read_bytes() == fresh.files[kind].read_bytes()
    segment_file([again], *arguments, pictures="none", overwrite=True)
    assert not list((tmp_path / "out").glob("*.png"))


def test_warnings_of_other_threads_are_no_remarks_about_a_file() -> None:
    remarks: list[str] = []
    with warnings.catch_warnings(record=True) as others, collect_remarks(remarks):
        other = threading.Thread(target=warnings.warn, args=("of the other",))
        other.start()
        other.join()
        warnings.warn("of the file", stacklevel=1)
    assert (remarks, [str(one.message) for one in others]) == (["of the file"], ["of the other"])


def test_an_unreadable_file_alone_raises(tmp_path: Path) -> None:
    (tmp_path / "m.tif").write_bytes(b"no image")
    with pytest.raises(ReadError, match=r"m\.tif"):
        segment_files([LabelledFile(tmp_path / "m.tif")], OneNetwork(bright()), SegmentJob(tmp_path, SegmentSettings()))
