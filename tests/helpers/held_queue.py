"""Works through a queue whose trainings are held: `GPUS` names the GPUs of the machine.

Run: python held_queue.py RUNS
"""

import os
import sys
from pathlib import Path

from tem_rf.jobs import queue_runner
from tem_rf.jobs.queue import TrainingQueue

TRAINING = Path(__file__).with_name("held_training.py")


def main() -> None:
    queue_runner.POLL_S = 0.05
    queue_runner.installed_gpus = lambda: tuple(os.environ.get("GPUS", "").split())
    queue_runner.run_queue(TrainingQueue.of(Path(sys.argv[1])), command=(sys.executable, str(TRAINING)))


if __name__ == "__main__":
    main()
