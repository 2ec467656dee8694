"""The working folder of the app and its contents: datasets, labelled micrographs, runs, models."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tem_rf.jobs.next_labels import START_FOLDER
from tem_rf.saved_models import CARD_NAME, MODELS, models_in

DATASET_MARK = "dataset.json"
LABEL_FOLDERS = frozenset({"labels", "masks", "annotations"})
_NOT_MICROGRAPHS = LABEL_FOLDERS | {"particles", "instances", "report", "figures", "overlays", START_FOLDER}
_SEGMENTED_MARK = "_segmented.json"  # in a folder of results of `tem-rf segment`
_DEPTH = 3
_FOLDERS_LOOKED_AT = 2000  # a large home folder must not block the app


@dataclass(frozen=True)
class Workspace:
    """A folder with the layout that the commands use.

    Attributes:
        folder: The folder, absolute.
    """

    folder: Path

    @property
    def runs(self) -> Path:
        """Folder of the runs."""
        return self.folder / "runs"

    @property
    def studies(self) -> Path:
        """Folder of the studies."""
        return self.folder / "studies"

    @property
    def models(self) -> Path:
        """Folder of the exported models."""
        return self.folder / MODELS

    def datasets(self) -> list[Path]:
        """Prepared datasets, by path."""
        return [path for path, names in self._walk() if DATASET_MARK in names]

    def micrograph_folders(self) -> list[Path]:
        """Folders of micrographs: those with a folder of labels inside by path, then the others."""
        from tem_rf.data.formats.dispatch import MICROGRAPH_SUFFIXES

        labelled: list[Path] = []
        others: list[Path] = []
        for path, names in self._walk():
            if "images" in names and names & LABEL_FOLDERS:
                labelled.append(path)
            elif (
                path.parent not in labelled
                and any(name.lower().endswith(MICROGRAPH_SUFFIXES) for name in names)
                and self._may_hold_micrographs(path, names)
            ):
                others.append(path)
        return labelled + others

    def exported_models(self) -> list[Path]:
        """Exported models, by name."""
        return models_in(self.models)

    def short(self, path: Path) -> str:
        """Return a path as you would type it in this folder."""
        return str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else str(path)

    def _may_hold_micrographs(self, path: Path, names: set[str]) -> bool:
        """Whether the images in a folder are micrographs, and not labels or what commands have written."""
        is_output = names & {DATASET_MARK, CARD_NAME} or any(name.endswith(_SEGMENTED_MARK) for name in names)
        is_own = any(own in (path, *path.parents) for own in (self.runs, self.studies, self.models))
        return not (is_output or is_own or path.name in _NOT_MICROGRAPHS)

    def _walk(self) -> Iterator[tuple[Path, set[str]]]:
        """Yield folders down to a few levels with the names inside, without runs, studies and hidden folders."""
        waiting, seen = [(self.folder, 0)], 0
        while waiting and seen < _FOLDERS_LOOKED_AT:
            folder, depth = waiting.pop(0)
            seen += 1
            try:
                with os.scandir(folder) as entries:
                    inside = sorted((entry.name, entry.is_dir(follow_symlinks=True)) for entry in entries)
            except OSError:  # removed meanwhile, or not readable
                continue
            names = {name for name, _ in inside}
            yield folder, names
            if depth == _DEPTH or DATASET_MARK in names or CARD_NAME in names or folder in (self.runs, self.studies):
                continue
            waiting += [(folder / name, depth + 1) for name, is_dir in inside if is_dir and not name.startswith(".")]
