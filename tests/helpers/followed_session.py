"""Processes that a test kills: a program that writes stacks, and a follower that segments them.

Run: python -m tests.helpers.followed_session write|follow FOLDER
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from benchmarks.follow import written_frames
from tem_rf.config.segmentation import SegmentSettings
from tem_rf.inference.follow import follow_folders
from tem_rf.inference.job import SegmentJob
from tem_rf.inference.model_choice import NetworkChoice, Networks
from tests.helpers.discs import discs
from tests.helpers.networks import bright

STACKS, FRAMES, SETTLE_S = 4, 12, 0.4


def frame(stack: int, number: int) -> np.ndarray:
    """(128, 128) uint16 with two discs, different in every frame."""
    noise = np.random.default_rng(100 * stack + number).poisson(50, (128, 128))
    return (noise + 100 * discs((128, 128), (30, 30, 8 + number), (90, 90, 20))).astype(np.uint16)


class SlowNetwork(Networks):
    """A network that takes a moment per frame."""

    def __init__(self, pause_s: float) -> None:
        super().__init__(NetworkChoice((Path("bright"),), Path("none")))
        self._network, self._pause_s = bright(), pause_s

    def segmenters(self, file: Path, **rest: Any) -> Any:
        time.sleep(self._pause_s)
        return [self._network]


def write(folder: Path) -> None:
    """Grow stacks frame by frame with pauses; after a kill, resume, or start a damaged stack again."""
    for stack in range(STACKS):
        path = folder / f"s{stack}.tif"
        for number in range(written_frames(path), FRAMES):
            tifffile.imwrite(path, frame(stack, number), append=path.exists(), photometric="minisblack", metadata=None)
            time.sleep(2 * SETTLE_S if number % 4 == 3 else 0.05)


def follow(folder: Path, output: Path) -> None:
    """Follow the folder until Ctrl-C."""
    job = SegmentJob(output, SegmentSettings(), growing=True)
    follow_folders([folder], SlowNetwork(0.05), job, SETTLE_S)


if __name__ == "__main__":
    os.chdir(sys.argv[2])
    Path("in").mkdir(exist_ok=True)
    if sys.argv[1] == "write":
        write(Path("in"))
    else:
        follow(Path("in"), Path("out"))
