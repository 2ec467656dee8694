"""A training that is killed at any moment, often enough, ends in the bits of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import epochs
from tem_rf.training.train import train
from tests.helpers.outcome import final_state, without_times
from tests.helpers.run_folders import new_run

KILLS = 50
# A checkpoint after every step: most of the time of a step goes into writing it.
GO_ON = """
import sys
from tem_rf.runs import RunFolder
from tem_rf.training.train import train
train(RunFolder.open(sys.argv[1]), checkpoint_interval_s=0.0)
"""


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills_at_random_moments_change_no_bit(tiny_dataset: Path, tmp_path: Path) -> None:
    # More epochs than fifty interrupted starts come to on an idle machine.
    settings: dict[str, Any] = {"epochs": 80, "batch_size": 4}
    undisturbed = new_run(tiny_dataset, tmp_path / "undisturbed", **settings)
    train(undisturbed)
    run = new_run(tiny_dataset, tmp_path / "killed", **settings)
    moments = random.Random(752)
    interrupted_at = []
    for kill in range(KILLS):
        child = subprocess.Popen([sys.executable, "-c", GO_ON, run.path], stderr=subprocess.PIPE, text=True)
        # At a random moment of the first seconds, which are mostly imports; or while a file is being written.
        if kill % 3 == 0:
            time.sleep(moments.uniform(0.0, 8.0))
        else:
            wait_for_a_half_written_file(run, child, number=moments.randrange(1, 20))
        assert child.poll() is None, child.stderr.read()
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        interrupted_at.append(newest_checkpoint(run))
    within_epochs = [name for name in interrupted_at if not name.endswith("-000000.npz")]
    assert len(within_epochs) > KILLS / 3, interrupted_at
    assert process.state(run) == "killed"
    train(run)
    assert final_state(run) == final_state(undisturbed)
    assert without_times(epochs(run.events())) == without_times(epochs(undisturbed.events()))
    assert not half_written(run)


def wait_for_a_half_written_file(run: RunFolder, child: subprocess.Popen[str], number: int) -> None:
    """Return while the training writes the `number`-th file beside its final name, as far as seen."""
    seen = half_written(run)
    while child.poll() is None and number > 0:
        new = half_written(run) - seen
        seen |= new
        number -= len(new)


def half_written(run: RunFolder) -> set[Path]:
    return {path for folder in (run.path, run.checkpoint_folder) for path in folder.glob(".*.????????.*")}


def newest_checkpoint(run: RunFolder) -> str:
    return max((path.name for path in run.checkpoint_folder.glob("[0-9]*.npz")), default="")
