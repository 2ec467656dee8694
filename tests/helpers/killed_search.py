"""Search a study of stub trainings in processes that are killed at random moments, and at last in one that is not.

Run: python -m tests.helpers.killed_search STUDY DEFINITION KILLS SEED
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from tem_rf.study.definition.definition import StudyDefinition, read_definition
from tem_rf.study.folder import StudyFolder
from tem_rf.study.search.search import Search
from tests.helpers.stub_training import train

IN_FLIGHT = 3
LONGEST_LIFE_S = 0.25


def search(path: Path, definition: StudyDefinition) -> None:
    """What a driver does, with several trials under way."""
    search = Search(StudyFolder.create_or_open(path, definition))
    while True:
        trials = [trial for _ in range(IN_FLIGHT) if (trial := search.ask())]
        if not trials:
            break
        for trial in trials:
            for run in trial.unfinished():
                train(run)
            search.tell(trial)
    assert search.is_finished


def main(path: Path, definition: StudyDefinition, kills: int, seed: int) -> None:
    """Fork, since importing Keras takes longer than a search that is soon to be killed."""
    import tem_rf.study.search.strategies  # noqa: F401

    rng = random.Random(seed)
    for _ in range(kills):
        child = os.fork()
        if not child:
            search(path, definition)
            os._exit(0)
        time.sleep(rng.uniform(0, LONGEST_LIFE_S))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    search(path, definition)


if __name__ == "__main__":
    main(Path(sys.argv[1]), read_definition(Path(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4]))
