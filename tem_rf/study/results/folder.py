"""Find the runs for a table or report: the runs of a study, or any folder of runs."""

from dataclasses import dataclass
from pathlib import Path

from tem_rf.errors import StudyError
from tem_rf.evaluation.trials import Results, read_results
from tem_rf.runs.root import list_runs
from tem_rf.study.folder import DEFAULT_ROOT, StudyFolder


@dataclass(frozen=True)
class ResultsFolder:
    """A study, or a folder of runs.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def report_folder(self) -> Path:
        """Default folder of its report."""
        return StudyFolder(self.path).report_folder

    def read(self) -> Results:
        """Read its runs.

        Raises:
            StudyError: The definition of the study cannot be read.
        """
        study = StudyFolder(self.path)
        if study.definition_file.exists():
            return read_results(study.runs(), seeds=study.definition.seeds)
        return read_results(list_runs(self.path))


def find_results(name: str, root: Path = DEFAULT_ROOT) -> ResultsFolder:
    """Find a study by its name under the root, or a study or folder of runs by its path.

    Raises:
        StudyError: There is neither.
    """
    for path in (root / name, Path(name)):
        if StudyFolder(path).definition_file.exists() or list_runs(path):
            return ResultsFolder(path)
    raise StudyError(f"{name}: no study of this name in {root}, and no folder of runs; see `tem-rf study list`.")
