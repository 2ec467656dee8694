"""What is written stands whole under its name, or not at all."""

import errno
import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tem_rf.errors import StorageError
from tem_rf.files import replacing_file, replacing_folder, sole_writer, write_json


def test_a_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.csv"
    with replacing_file(path) as beside:
        beside.write_text("dice")
        assert not path.exists()
        assert beside.suffix == ".csv"
    assert path.read_text() == "dice"
    assert [file.name for file in path.parent.iterdir()] == ["scores.csv"]


def test_a_failure_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), replacing_file(path) as beside:
        beside.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for content in ("first", "second"):
        with replacing_folder(path) as beside:
            (beside / content).touch()
        assert [file.name for file in path.iterdir()] == [content]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_folder_before(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "before").touch()
    with pytest.raises(KeyboardInterrupt), replacing_folder(path) as beside:
        (beside / "half").touch()
        raise KeyboardInterrupt
    assert [file.name for file in path.iterdir()] == ["before"]
    assert list(tmp_path.iterdir()) == [path]


def test_the_current_folder_and_those_around_it_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    for path in (Path(), Path(".."), here, tmp_path / "a"):
        with pytest.raises(StorageError, match="contains the current folder"), replacing_folder(path):
            pytest.fail("work was done for nothing")
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", here]


def test_a_folder_that_cannot_take_its_place_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "before").touch()
    replace = Path.replace

    def refuse(source: Any, target: Any) -> Any:
        if source.name.startswith(".") and target == path:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(source))
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StorageError, match="cannot be written to"), replacing_folder(path):
        pass
    assert [file.name for file in path.iterdir()] == ["before"]
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import sys, time
from pathlib import Path
from tem_rf.files import replacing_folder
with replacing_folder(Path(sys.argv[1])) as beside:
    (beside / "half").touch()
    print("begun", flush=True)
    time.sleep(600)
"""


def test_what_killed_writers_of_a_folder_left_goes_with_the_next_and_what_is_being_written_stays(
    tmp_path: Path,
) -> None:
    path = tmp_path / "model[1]"  # a name with a meaning to glob
    killed, alive = (subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE) for _ in range(2))
    for writer in (killed, alive):
        assert writer.stdout.readline() == b"begun\n"
    killed.kill()
    killed.communicate()
    (tmp_path / ".model[1].settings").mkdir()  # the user's
    assert len(list(tmp_path.iterdir())) == 3
    with replacing_folder(path):
        pass
    hidden = [folder for folder in tmp_path.iterdir() if folder != path]
    assert sorted(len(list(folder.iterdir())) for folder in hidden) == [0, 1]
    alive.kill()
    alive.communicate()
    with replacing_folder(path):
        pass
    assert sorted(folder.name for folder in tmp_path.iterdir()) == [".model[1].settings", "model[1]"]


@pytest.mark.parametrize("replacing", [replacing_file, replacing_folder])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, replacing: Any, number: Any) -> None:
    with pytest.raises(StorageError, match="no space left on the disk"), replacing(tmp_path / "a"):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EFBIG, "became larger than its file system, or a limit"),
        (errno.EIO, "check the disk or the connection"),
        (errno.ESTALE, "check the disk or the connection"),
    ],
)
def test_a_disk_that_fails_is_named(tmp_path: Path, number: int, said: str) -> None:
    with pytest.raises(StorageError, match=f"a.txt: .*{said}"), replacing_file(tmp_path / "a.txt"):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a", tmp_path / "file" / "b" / "a"):
        with pytest.raises(StorageError, match="cannot be written to"), replacing_file(path):
            pass


def test_a_name_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is too long for the file system"), replacing_file(tmp_path / ("a" * 300)):
        pass


def test_a_missing_input_is_not_taken_for_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing_file(tmp_path / "a"):
        (tmp_path / "elsewhere" / "input").read_text()


@pytest.mark.parametrize("replacing", [replacing_file, replacing_folder])
def test_an_input_that_may_not_be_read_is_not_taken_for_the_output(tmp_path: Path, replacing: Any) -> None:
    private = tmp_path / "raw" / "m.tif"
    with pytest.raises(PermissionError), replacing(tmp_path / "set"):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(private))


def test_a_place_that_may_not_be_written_to_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for replacing in (replacing_file, replacing_folder):
        with pytest.raises(StorageError, match=r"a: cannot be written to"), replacing(Path("a")) as beside:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(beside.absolute()))
        with pytest.raises(StorageError, match=r"a: cannot be written to"), replacing(Path("a")):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    with pytest.raises(StorageError, match="cannot be written to"), replacing_folder(Path("a")) as beside:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(beside / "inside" / "x"))


def test_permissions_are_those_of_an_ordinary_file(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    write_json(tmp_path / "written", {})
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ordinary", "written")]
    assert modes[0] == modes[1]


def test_json_without_a_meaning_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


HOLDER = """
import sys, time
from pathlib import Path
from tem_rf.files import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_goes_with_the_process_that_is_killed_while_it_holds_it(tmp_path: Path) -> None:
    lock = tmp_path / "new" / ".m.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, lock], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with sole_writer(lock, on_wait=holder.kill) as has_waited:
        assert has_waited
        assert lock.exists()
    holder.communicate()
    assert not lock.exists()
    with sole_writer(lock) as has_waited:
        assert not has_waited


def test_one_process_at_a_time_though_each_removes_the_lock(tmp_path: Path) -> None:
    lock, count = tmp_path / ".m.lock", tmp_path / "count"
    count.write_text("0")

    def add() -> None:
        with sole_writer(lock):
            before = int(count.read_text())
            time.sleep(0.001)
            count.write_text(str(before + 1))

    with ThreadPoolExecutor(8) as pool:
        for added in [pool.submit(add) for _ in range(100)]:
            added.result()
    assert count.read_text() == "100"
