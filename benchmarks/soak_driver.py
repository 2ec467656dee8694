"""Drives a study like `tem-rf study run`, with the stub of the tests instead of trainings.

Run: python benchmarks/soak_driver.py DEFINITION --name NAME --studies FOLDER [--scheduler ADDRESS]
"""

import argparse
import sys
from pathlib import Path

from tem_rf.study.definition.definition import read_definition
from tem_rf.study.driver import run_study
from tem_rf.study.execution.clusters import choose_cluster
from tem_rf.study.execution.dask_pool import DaskPool
from tem_rf.study.folder import StudyFolder

STUB = Path(__file__).parents[1] / "tests" / "helpers" / "stub_training.py"
EPOCH_S = "0.8"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("definition", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--studies", type=Path, required=True)
    parser.add_argument("--scheduler")
    options = parser.parse_args()
    place = {"scheduler": options.scheduler} if options.scheduler else {}
    definition = read_definition(options.definition).executed(**place)
    study = StudyFolder.create_or_open(options.studies / options.name, definition)
    run_study(
        study,
        lambda folder: DaskPool(choose_cluster(definition.execution, folder.path), folder.path),
        command=(sys.executable, str(STUB), "--epoch-s", EPOCH_S),
    )


if __name__ == "__main__":
    main()
