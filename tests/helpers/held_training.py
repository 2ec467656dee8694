"""A training that runs until a test ends it: by a file `end` in its folder, which says how, or by `tem-rf stop`.

Run: python held_training.py [--evaluate] RUN
"""

import json
import os
import sys
import time
from pathlib import Path

from tem_rf.runs import RunFolder, process
from tem_rf.runs.events import StatusEvent
from tests.helpers.run_folders import epoch_event

GIVE_UP_S = 300


def main() -> None:
    *options, path = sys.argv[1:]
    run = RunFolder.open(Path(path))
    end = run.path / "end"
    with process.claim(run):
        log = run.event_log()
        started = {
            "options": options,
            "variables": {name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "KERAS_BACKEND")},
        }
        (run.path / "started.json").write_text(json.dumps(started))
        log.write(StatusEvent(state="running"))
        for _ in range(GIVE_UP_S * 50):
            if process.requested(run) == "stop":
                log.write(StatusEvent(state="stopped"))
                return
            if end.exists() and (state := end.read_text()):
                end.unlink()
                epochs = run.config.training.epochs
                log.write(epoch_event(epochs, epochs=epochs))
                log.write(StatusEvent(state=state))
                sys.exit(state == "failed")
            if not run.path.exists():
                return
            time.sleep(0.02)


if __name__ == "__main__":
    main()
