"""Pictures of validation patches: true, cheap, and without a trace in the training."""

from pathlib import Path

import numpy as np
import pytest

from tem_rf.data.prepared import open_dataset
from tem_rf.errors import ReadError, StorageError
from tem_rf.models.unet import build_unet
from tem_rf.runs import RunFolder
from tem_rf.runs.events import NoticeEvent, SampleEvent
from tem_rf.runs.samples import read_samples
from tem_rf.training import samples
from tem_rf.training.samples import SamplePictures, choose_patches
from tem_rf.training.train import train
from tests.helpers.outcome import final_state
from tests.helpers.run_folders import new_run


@pytest.fixture
def pictures(tiny_dataset: Path, tmp_path: Path) -> tuple[SamplePictures, RunFolder]:
    run = new_run(tiny_dataset, tmp_path / "run")
    return SamplePictures(run, build_unet(run.config.architecture, seed=1), open_dataset(tiny_dataset)), run


def test_a_training_shows_its_last_epoch(trained_run: RunFolder, tiny_dataset: Path) -> None:
    told = [event for event in trained_run.events() if isinstance(event, SampleEvent)]
    shown = read_samples(trained_run.samples_file)
    assert told[-1].epoch == shown.epoch == 3
    dataset = open_dataset(tiny_dataset)
    chosen = choose_patches(dataset)
    assert len(chosen) == len(shown.images) == told[-1].patches <= 4
    assert {dataset.patches[patch].split for patch in chosen} == {"validation"}
    assert np.array_equal(shown.labels, np.stack([dataset.labels[patch] for patch in chosen]) > 0)
    agree = (shown.predictions == shown.labels).mean()
    assert agree > 0.8  # it has learned the discs


def test_pictures_leave_the_bits_of_the_training_alone(
    trained_run: RunFolder, tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SamplePictures, "after_epoch", lambda self, epoch, *, is_last: None)
    run = new_run(tiny_dataset, tmp_path / "run")
    train(run)
    assert not run.samples_file.exists()
    assert final_state(run) == final_state(trained_run)


def test_the_next_picture_waits_until_it_costs_less_than_a_hundredth(
    pictures: tuple[SamplePictures, RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.5  # each picture takes as long, since the clock is read before and after it
        return now

    monkeypatch.setattr(samples.time, "monotonic", clock)
    show, _ = pictures
    assert show.after_epoch(1, is_last=False) is not None  # warms up
    assert show.after_epoch(2, is_last=False) is not None
    assert show.after_epoch(3, is_last=False) is None
    assert show.after_epoch(4, is_last=True) is not None
    now += 49
    assert show.after_epoch(5, is_last=False) is None
    now += 1
    assert show.after_epoch(6, is_last=False) is not None


def test_a_file_that_cannot_be_written_costs_the_picture_only(
    pictures: tuple[SamplePictures, RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("no room")

    monkeypatch.setattr(samples, "write_samples", fail)
    show, run = pictures
    assert show.after_epoch(1, is_last=False) is None
    assert not run.samples_file.exists()


def test_damaged_pictures_are_said_in_words(pictures: tuple[SamplePictures, RunFolder]) -> None:
    show, run = pictures
    show.after_epoch(1, is_last=False)
    run.samples_file.write_bytes(run.samples_file.read_bytes()[:200])
    with pytest.raises(ReadError, match="the next epoch overwrites it"):
        read_samples(run.samples_file)
    show.after_epoch(2, is_last=True)
    content = bytearray(run.samples_file.read_bytes())
    content[content.index(b"PK\1\2") + 8] ^= 1  # the flag of encrypted files
    run.samples_file.write_bytes(content)
    with pytest.raises(ReadError, match="the next epoch overwrites it"):
        read_samples(run.samples_file)
    run.samples_file.unlink()
    with pytest.raises(ReadError, match="after its first epoch"):
        read_samples(run.samples_file)


@pytest.mark.parametrize(("bias", "marked"), [(1000.0, "every pixel"), (-1000.0, "no pixel")])
def test_a_network_that_marks_all_pixels_alike_is_found(
    pictures: tuple[SamplePictures, RunFolder], tiny_dataset: Path, bias: float, marked: str
) -> None:
    dataset = open_dataset(tiny_dataset)
    model = build_unet(pictures[1].config.architecture, seed=1)
    head = model.get_layer("head")
    head.set_weights([head.get_weights()[0], np.array([0, bias], np.float32)])
    show = SamplePictures(pictures[1], model, dataset)
    show.after_epoch(1, is_last=True)
    assert show.marked_alike == marked


def test_a_training_that_learns_nothing_says_so_once(
    tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "_marked_alike", lambda predictions, labels: "no pixel")
    monkeypatch.setattr(samples, "COST_LIMIT", 1e9)  # pictures after every epoch
    run = new_run(tiny_dataset, tmp_path / "run")
    train(run)
    told = [event.message for event in run.events() if isinstance(event, NoticeEvent) and "nothing" in event.message]
    assert len(told) == 1
    assert told[0].startswith("After epoch 2 the network marks no pixel")


def test_a_training_that_learns_says_nothing_of_it(trained_run: RunFolder) -> None:
    assert not any("nothing" in event.message for event in trained_run.events() if isinstance(event, NoticeEvent))
