"""A checkpoint brings a training back; a damaged one gives way to the one before."""

from pathlib import Path

import keras
import numpy as np
import pytest

from tem_rf.training.objective import Scores
from tem_rf.training.state import KEPT, Progress, load_checkpoint, save_checkpoint

FIRST = Progress(epoch=1, best_hard_dice=0.5, best_epoch=1)
SECOND = Progress(epoch=1, step=3, scores=Scores(24, (1.25, 0.1, 0.2)), best_hard_dice=0.5, best_epoch=1)


def variables(value: float) -> list[keras.Variable]:
    return [keras.Variable(np.full(shape, value, np.float32)) for shape in [(3, 3, 1, 4), (4,), ()]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path, variables(1.0), FIRST)
    save_checkpoint(tmp_path, variables(2.0), SECOND)
    return tmp_path


def test_the_newest_state_comes_back_whole(folder: Path) -> None:
    state = variables(0.0)
    assert load_checkpoint(folder, state) == SECOND
    assert all(np.all(np.asarray(variable) == 2.0) for variable in state)


def test_which_epoch_is_kept() -> None:
    scores = [0.2, 0.9, 0.3, 0.6, 0.7, 0.6]

    def kept(keep: str) -> list[int]:
        progress, epochs = Progress(), []
        for score in scores:
            progress = progress.after_epoch(score, keep)
            epochs.append(progress.best_epoch)
        return epochs

    assert kept("best") == [1, 2, 2, 2, 2, 2]
    assert kept("smooth") == [1, 2, 2, 4, 4, 6], "means of three: 0.2, 0.55, 0.47, 0.6, 0.53, 0.63"
    assert kept("last") == [1, 2, 3, 4, 5, 6]


def test_the_epochs_of_a_running_mean_come_back(tmp_path: Path) -> None:
    progress = Progress().after_epoch(0.5, "smooth").after_epoch(0.7, "smooth")
    save_checkpoint(tmp_path, variables(1.0), progress)
    assert load_checkpoint(tmp_path, variables(0.0)) == progress


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_checkpoint_falls_back_to_the_one_before(folder: Path, fraction: float) -> None:
    newest = sorted(folder.glob("*.npz"))[-1]
    content = newest.read_bytes()
    newest.write_bytes(content[: int(len(content) * fraction)])
    state = variables(0.0)
    assert load_checkpoint(folder, state) == FIRST
    assert np.all(np.asarray(state[0]) == 1.0)


def test_a_flipped_byte_falls_back_to_the_one_before(folder: Path) -> None:
    newest = sorted(folder.glob("*.npz"))[-1]
    content = bytearray(newest.read_bytes())
    content[content.index(np.full(4, 2.0, np.float32).tobytes())] ^= 0xFF
    newest.write_bytes(content)
    assert load_checkpoint(folder, variables(0.0)) == FIRST


@pytest.mark.parametrize(("offset", "bit"), [(8, 0), (6, 6)])
def test_a_bit_that_makes_an_array_seem_encrypted_or_of_a_later_zip_falls_back_to_the_one_before(
    folder: Path, offset: int, bit: int
) -> None:
    newest = sorted(folder.glob("*.npz"))[-1]
    content = bytearray(newest.read_bytes())
    content[content.index(b"PK\1\2") + offset] ^= 1 << bit  # flags, version of the first array in the directory
    newest.write_bytes(content)
    assert load_checkpoint(folder, variables(0.0)) == FIRST


def test_a_checkpoint_of_another_network_is_passed_over(folder: Path) -> None:
    assert load_checkpoint(folder, [keras.Variable(np.zeros((5, 5)))]) is None


def test_only_the_newest_are_kept(folder: Path) -> None:
    for epoch in range(2, 5):
        save_checkpoint(folder, variables(epoch), Progress(epoch=epoch))
    assert [path.name for path in sorted(folder.iterdir())] == ["000003-000000.npz", "000004-000000.npz"]
    assert KEPT == 2


def test_no_checkpoint_leaves_everything_as_it_is(tmp_path: Path) -> None:
    state = variables(5.0)
    assert load_checkpoint(tmp_path / "none", state) is None
    assert np.all(np.asarray(state[0]) == 5.0)


def test_the_best_epoch_is_the_first_that_reached_the_best_score() -> None:
    progress = Progress().after_epoch(0.5).after_epoch(0.7).after_epoch(0.7).after_epoch(0.6)
    assert (progress.epoch, progress.best_epoch, progress.best_hard_dice) == (4, 2, 0.7)


def test_a_damaged_checkpoint_never_counts_as_newer_than_what_follows(folder: Path) -> None:
    newest = sorted(folder.glob("*.npz"))[-1]
    newest.write_bytes(b"torn")
    damaged: list[Path] = []
    load_checkpoint(folder, variables(0.0), on_damaged=damaged.append)
    following = Progress(epoch=1, step=1)
    save_checkpoint(folder, variables(7.0), following)
    assert load_checkpoint(folder, variables(0.0)) == following
    assert damaged == [newest.with_suffix(".damaged")]
