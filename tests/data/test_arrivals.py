"""Files that are still written are waited for; complete ones are reported once, and again when they change."""

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile

from tem_rf.data.arrivals import Arrivals
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import ReadError
from tests.helpers.written_files import write_ser


def write(path: Path, content: bytes | bytearray, changed_s: int = 1000) -> Path:
    path.write_bytes(content)
    os.utime(path, (changed_s, changed_s))
    return path


def take_all(arrivals: Arrivals, now_s: float) -> list[str]:
    return [path.name for path in arrivals.poll(now_s) if arrivals.take(path)]


def test_a_copy_is_complete_once_it_was_at_rest(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path], settle_s=2)
    assert take_all(arrivals, 0) == []
    for second in range(4):
        write(tmp_path / "m.tif", b"x" * (second + 1))
        assert (take_all(arrivals, second), arrivals.waiting) == ([], 1)
    assert take_all(arrivals, 4.9) == []
    assert take_all(arrivals, 5) == ["m.tif"]
    assert (take_all(arrivals, 60), arrivals.waiting) == ([], 0)


@pytest.mark.parametrize("end", [0, -1])
def test_a_header_or_an_end_that_changes_is_not_at_rest(end: int, tmp_path: Path) -> None:
    content, arrivals = bytearray(100_000), Arrivals([tmp_path], settle_s=2)
    write(tmp_path / "m.tif", content)
    take_all(arrivals, 0)
    content[end] = 1
    write(tmp_path / "m.tif", content)  # size and time as before
    assert take_all(arrivals, 2) == []
    assert take_all(arrivals, 4) == ["m.tif"]


def test_a_file_that_grows_later_is_reported_again(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path], settle_s=2)
    path = write(tmp_path / "m.tif", b"1")
    take_all(arrivals, 0)
    assert take_all(arrivals, 2) == ["m.tif"]
    assert not arrivals.has_changed(path)
    write(path, b"12")
    assert arrivals.has_changed(path)
    assert take_all(arrivals, 3) == []
    assert take_all(arrivals, 5) == ["m.tif"]
    write(path, b"13", changed_s=1001)  # the same size
    take_all(arrivals, 6)
    assert take_all(arrivals, 8) == ["m.tif"]


def test_a_file_that_changes_after_the_poll_is_not_taken(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path], settle_s=2)
    path = write(tmp_path / "m.tif", b"1")
    arrivals.poll(0)
    assert arrivals.poll(2) == [path]
    write(path, b"12")
    assert not arrivals.take(path)
    assert take_all(arrivals, 3) == []
    assert take_all(arrivals, 5) == ["m.tif"]


def test_a_copy_appears_under_its_final_name_by_a_rename(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path], settle_s=2)
    part = write(tmp_path / "m.tif.part", b"1")
    write(tmp_path / ".n.tif", b"1")
    arrivals.poll(0)
    assert (arrivals.poll(9), arrivals.waiting) == ([], 0)
    part.rename(tmp_path / "m.tif")
    assert take_all(arrivals, 10) == []
    assert take_all(arrivals, 12) == ["m.tif"]
    (tmp_path / "m.tif").rename(tmp_path / "n.tif")
    assert take_all(arrivals, 13) == []
    assert take_all(arrivals, 15) == ["n.tif"]


def test_the_oldest_comes_first(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path], settle_s=2)
    for name, changed_s in (("a", 3000), ("b", 1000), ("c", 2000)):
        write(tmp_path / f"{name}.tif", b"1", changed_s)
    arrivals.poll(0)
    assert take_all(arrivals, 2) == ["b.tif", "c.tif", "a.tif"]


def test_a_folder_of_chunks_is_at_rest_when_all_its_files_are(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path], settle_s=2)
    (tmp_path / "m.zspy").mkdir()
    write(tmp_path / "m.zspy/0", b"1")
    take_all(arrivals, 0)
    write(tmp_path / "m.zspy/1", b"1")
    assert take_all(arrivals, 2) == []
    assert take_all(arrivals, 4) == ["m.zspy"]


def test_a_folder_that_vanishes_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    arrivals = Arrivals([folder], settle_s=2)
    arrivals.poll(0)
    shutil.rmtree(folder)
    with pytest.raises(ReadError, match="session: the folder that is followed is gone"):
        arrivals.poll(1)


FRAMES = np.random.default_rng(0).poisson(90, (3, 40, 50)).astype(np.uint16)


def write_mrc(path: Path, frames: np.ndarray) -> None:
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(frames)


def write_dm(path: Path, frames: np.ndarray) -> None:
    """The frame of a Digital Micrograph file: length of the tags, an unnamed tag with pixels, and an empty one."""
    tags = b"\x01" + frames.tobytes() + bytes(8)
    version, form, header = (3, ">III", 16) if path.suffix == ".dm3" else (4, ">IQI", 24)
    stray = bytes(4) if version == 3 else b""  # which DM3 files may have after their end
    content = struct.pack(form, version, struct.calcsize(form) + len(tags) - header, 1) + tags + stray
    path.write_bytes(content)


def write_series(path: Path, frames: np.ndarray) -> None:
    write_ser(path, len(frames))


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("m.tif", write_tiff),
        ("m.mrc", write_mrc),
        ("m.npy", np.save),
        ("m.dm3", write_dm),
        ("m.dm4", write_dm),
        ("m_1.ser", write_series),
    ],
    ids=["tif", "mrc", "npy", "dm3", "dm4", "ser"],
)
def test_a_file_with_all_that_its_header_claims_is_taken_after_a_brief_rest(
    name: str, save: Callable[[Path, np.ndarray], object], tmp_path: Path
) -> None:
    path, arrivals = tmp_path / name, Arrivals([tmp_path], settle_s=2)
    save(path, FRAMES)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert take_all(arrivals, 0) == []
    assert take_all(arrivals, 1) == []  # its pixels are not all there
    path.write_bytes(whole)
    assert take_all(arrivals, 1.5) == []
    assert take_all(arrivals, 1.75) == [name]


@pytest.mark.parametrize("name", ["m.dm3", "m.dm4", "m_1.ser"])
@pytest.mark.parametrize("kept", [0, 3, 10, 24, 60])
def test_a_file_that_is_not_whole_is_waited_for(kept: int, name: str, tmp_path: Path) -> None:
    (write_series if name.endswith(".ser") else write_dm)(tmp_path / name, FRAMES)
    whole = (tmp_path / name).read_bytes()
    for content in (whole[:kept], whole[: -20 - kept], whole[:kept] + bytes(len(whole) - kept)):  # the last is reserved
        write(tmp_path / name, content)
        arrivals = Arrivals([tmp_path], settle_s=2)
        take_all(arrivals, 0)
        assert take_all(arrivals, 1) == []
        assert take_all(arrivals, 2) == [name]


def test_a_file_whose_size_is_reserved_is_waited_for(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path], settle_s=2)
    np.save(tmp_path / "m.npy", np.concatenate([FRAMES, np.zeros_like(FRAMES)]))
    take_all(arrivals, 0)
    assert take_all(arrivals, 1) == []
    assert take_all(arrivals, 2) == ["m.npy"]


def test_a_stack_is_taken_whenever_a_frame_was_appended(tmp_path: Path) -> None:
    arrivals = Arrivals([tmp_path], settle_s=2)
    for second, frame in enumerate(FRAMES):
        tifffile.imwrite(tmp_path / "m.tif", frame, append=True)
        assert take_all(arrivals, second) == []
        assert take_all(arrivals, second + 0.25) == ["m.tif"]
