"""A study folder and the files inside it."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tem_rf.errors import StudyError
from tem_rf.files import remove_leftovers, write_text
from tem_rf.runs import process
from tem_rf.runs.events import read_lines
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.owned_folder import OwnedFolder
from tem_rf.runs.root import close_names, list_runs
from tem_rf.study.definition.changes import check_extension, first_change
from tem_rf.study.definition.definition import StudyDefinition, read_definition
from tem_rf.study.events import AnyStudyEvent, parse_study_event

DEFAULT_ROOT = Path("studies")


@dataclass(frozen=True)
class StudyFolder(OwnedFolder):
    """A study on disk; its process is the driver, which runs the search and the trainings.

    Attributes:
        path: The folder, `studies/NAME`.
    """

    activity = "running this study"

    @property
    def definition_file(self) -> Path:
        """`study.toml`: the definition of the study."""
        return self.path / "study.toml"

    @property
    def oracle_folder(self) -> Path:
        """`oracle/`: one folder of KerasTuner files per dataset, recipe and start."""
        return self.path / "oracle"

    @property
    def runs_folder(self) -> Path:
        """`runs/`: ordinary run folders, from which all results are computed."""
        return self.path / "runs"

    @property
    def report_folder(self) -> Path:
        """`report/`: figures, tables and the report page."""
        return self.path / "report"

    @property
    def watch_command(self) -> str:
        """Command that follows the study."""
        return f"tem-rf study watch {shlex.quote(str(self.path))}"

    @property
    def stop_command(self) -> str:
        """Command that stops the study after the current steps."""
        return f"tem-rf study stop {shlex.quote(str(self.path))}"

    @property
    def start_command(self) -> tuple[str, ...]:
        """Command that resumes the study."""
        return (sys.executable, "-m", "tem_rf", "study", "run", str(self.path))

    @property
    def definition(self) -> StudyDefinition:
        """The definition of the study.

        Raises:
            StudyError: The folder holds no study, or its definition cannot be read.
        """
        if not self.definition_file.exists():
            raise StudyError(
                f"{self.path}: holds no study ({self.definition_file.name} is missing); see `tem-rf study list`."
            )
        return read_definition(self.definition_file)

    def runs(self) -> list[RunFolder]:
        """The runs so far, by name."""
        return list_runs(self.runs_folder)

    def events(self) -> list[AnyStudyEvent]:
        """All events of the driver so far."""
        return read_lines(self.events_file, parse_study_event)

    def remove_leftovers(self) -> None:
        """Remove half-written files left by killed drivers; only for the process that owns the study."""
        for file in (self.definition_file, self.process_file):
            remove_leftovers(self.path, file.name)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing study.

        Raises:
            StudyError: The folder holds no study, or its definition cannot be read.
        """
        study = cls(Path(path))
        _ = study.definition
        return study

    @classmethod
    def create_or_open(cls, path: Path, definition: StudyDefinition, *, extend: bool = False) -> Self:
        """Open the study of this definition, or create it; its execution settings may differ, and are updated.

        Args:
            path: The folder.
            definition: What the study is to be.
            extend: Let it grow by seeds, networks, datasets, recipes, epochs and budget.

        Raises:
            StudyError: The folder holds a study of another definition, or something else.
        """
        study = cls(Path(path))
        if not study.definition_file.exists():
            remove_leftovers(study.path, study.definition_file.name)
            if study.path.exists() and (not study.path.is_dir() or any(study.path.iterdir())):
                raise StudyError(f"{path}: is not empty and holds no study; choose another `name`.")
            study._write(definition)
            return study
        before = study.definition
        if before == definition:
            return study
        change = first_change(before, definition)
        if change and not extend:
            raise StudyError(
                f"{path}: holds another study: {change}; give the same definition to continue it, `extend` to add "
                "to it, or another `name` for another study."
            )
        if change:
            check_extension(before, definition, where=str(path))
        if process.is_alive(study):
            raise StudyError(
                f"{path}: {process.owner(study)} is running this study and would not notice the change; first stop it "
                f"with `tem-rf study stop {study.name}`."
            )
        study._write(definition)
        return study

    def _write(self, definition: StudyDefinition) -> None:
        from tem_rf.study.definition.text import definition_text  # its TOML writer takes 0.1 s to load

        write_text(self.definition_file, definition_text(definition))


def find_study(name: str, root: Path = DEFAULT_ROOT) -> StudyFolder:
    """Open a study by its name under the root, or by its path.

    Raises:
        StudyError: There is no such study.
    """
    for path in (root / name, Path(name)):
        if StudyFolder(path).definition_file.exists():
            return StudyFolder.open(path)
    close = close_names(name, [study.name for study in list_studies(root)])
    raise StudyError(f"{name}: no study of this name in {root}{close}; see `tem-rf study list`.")


def list_studies(root: Path = DEFAULT_ROOT) -> list[StudyFolder]:
    """Studies under the root, by name; folders that hold no study are left out."""
    if not root.is_dir():
        return []
    return [StudyFolder(path) for path in sorted(root.iterdir()) if StudyFolder(path).definition_file.exists()]
