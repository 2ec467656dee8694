"""Files that workers segment come out as those that one process segments, whatever happens to the workers."""

import os
import shutil
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest

from tem_rf.config.segmentation import SegmentSettings
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import ReadError
from tem_rf.inference.job import LabelledFile, SegmentJob, segment_files
from tem_rf.inference.model_choice import NetworkChoice, Networks
from tem_rf.models.unet import build_unet
from tem_rf.runs import RunFolder
from tem_rf.study.execution.clusters import LocalWorkers, RunningScheduler
from tem_rf.study.execution.segmentation import segment_files_on_workers
from tem_rf.training.state import save_model
from tests.helpers.command import tem_rf
from tests.helpers.labelled_folder import counts_with_disc

pytestmark = pytest.mark.filterwarnings("ignore:Creating scratch directories")
PROBABILITY = SegmentSettings(probability=True)


def movie(path: Path, frames: int, shape: tuple[int, int] = (96, 120)) -> LabelledFile:
    stack = np.stack([counts_with_disc(shape, seed=seed)[0] for seed in range(frames)])
    write_tiff(path, stack, pixel_size_nm=0.02)
    return LabelledFile(path)


def written(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix in (".tif", ".csv")}


def test_two_workers_write_the_same_bits_as_none(trained_run: RunFolder, tmp_path: Path) -> None:
    choice = NetworkChoice((trained_run.path,), tmp_path)
    files = [movie(tmp_path / f"m{frames}.tif", frames) for frames in (3, 1, 2)]
    alone = segment_files(files, Networks(choice), SegmentJob(tmp_path / "alone", PROBABILITY))
    notes: list[str] = []
    spread = segment_files_on_workers(
        files, choice, SegmentJob(tmp_path / "spread", PROBABILITY), LocalWorkers(2), on_note=notes.append
    )
    assert [one.sizes for one, _ in spread] == [one.sizes for one, _ in alone]
    assert [one.frames for one, _ in spread] == [3, 1, 2]
    assert sorted(notes) == sorted(note for one, _ in alone for note in one.notes)
    assert len(written(tmp_path / "spread")) == 12  # four per file
    assert written(tmp_path / "spread") == written(tmp_path / "alone")


def test_workers_of_a_scheduler_that_runs_on_take_the_network_that_is_there_now(
    trained_run: RunFolder, tmp_path: Path
) -> None:
    run = RunFolder(shutil.copytree(trained_run.path, tmp_path / "run"))
    choice, file = NetworkChoice((run.path,), tmp_path), movie(tmp_path / "m.tif", 1)
    with closing(LocalWorkers(1)) as workers, workers.connect() as client:
        for network in ("first", "second"):
            segment_files([file], Networks(choice), SegmentJob(tmp_path / f"{network}-alone", PROBABILITY))
            scheduler = RunningScheduler(client.scheduler.address)
            segment_files_on_workers([file], choice, SegmentJob(tmp_path / network, PROBABILITY), scheduler)
            assert written(tmp_path / network) == written(tmp_path / f"{network}-alone")
            save_model(run, build_unet(run.config.architecture, seed=1))
    assert written(tmp_path / "first") != written(tmp_path / "second")


def test_a_movie_goes_on_at_its_frame_when_its_worker_is_killed(trained_run: RunFolder, tmp_path: Path) -> None:
    choice, file = NetworkChoice((trained_run.path,), tmp_path), movie(tmp_path / "m.tif", 30, (256, 256))
    segment_files([file], Networks(choice), SegmentJob(tmp_path / "alone", PROBABILITY))
    store = tmp_path / "spread" / ".m.unfinished"
    results: list[object] = []
    thread = threading.Thread(
        target=lambda: results.extend(
            segment_files_on_workers(
                [file], choice, SegmentJob(tmp_path / "spread", PROBABILITY), LocalWorkers(1)
            )
        )
    )  # fmt: skip
    thread.start()
    begun: set[int] = set()
    lines_when_killed = 0
    while thread.is_alive():
        try:
            begun.add((store / "job.json").stat().st_mtime_ns)
            lines = (store / "frames.jsonl").read_text().count("\n")
        except FileNotFoundError:
            lines = 0
        if lines >= 3 and not lines_when_killed:
            lines_when_killed = lines
            kill_workers()
        time.sleep(0.02)
    assert lines_when_killed
    assert len(results) == 1
    assert len(begun) == 1  # the store was begun once
    assert written(tmp_path / "spread") == written(tmp_path / "alone")


def kill_workers() -> None:
    for process in psutil.Process().children(recursive=True):
        if any("spawn_main" in word for word in process.cmdline()):
            os.kill(process.pid, signal.SIGKILL)


def test_a_file_that_cannot_be_segmented_is_named_as_without_workers(trained_run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "broken.tif").write_bytes(b"II*\0nothing")
    choice = NetworkChoice((trained_run.path,), tmp_path)
    files = [LabelledFile(tmp_path / "broken.tif")]
    with pytest.raises(ReadError, match=r"broken\.tif"):
        segment_files_on_workers(files, choice, SegmentJob(tmp_path / "out", PROBABILITY), LocalWorkers(1))


def test_two_places_for_the_workers_are_refused(
    trained_run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    movie(tmp_path / "m.tif", 1)
    options = ("--model", trained_run.path, "--output", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1")
    result = tem_rf(capfd, monkeypatch, "segment", tmp_path / "m.tif", *options, "--slurm", "queue=gpu")
    assert result.code == 2
    assert "exclude each other" in result.stderr
