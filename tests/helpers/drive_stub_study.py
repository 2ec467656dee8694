"""Drive a study of stub trainings on two local workers, in a process that a test can kill.

Run: python -m tests.helpers.drive_stub_study STUDY
"""

import sys
from pathlib import Path

from tem_rf.study.driver import run_study
from tem_rf.study.execution.clusters import LocalWorkers
from tem_rf.study.folder import StudyFolder
from tests.helpers.stub_study import on, stub_command

EPOCH_S = "0.15"

if __name__ == "__main__":
    study = StudyFolder.open(Path(sys.argv[1]))
    run_study(study, on(LocalWorkers(2)), command=stub_command("--epoch-s", EPOCH_S))
