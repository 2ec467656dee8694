"""An editing session: a micrograph, its instance labels, every step since they were read, undo and save."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np

from tem_rf.data.instances import UNSURE, read_instances, write_instances
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.names import journal_of
from tem_rf.data.sources import sha256
from tem_rf.errors import DiskFullError, EditError, LabelChangedError, ReadError
from tem_rf.labelling.canvas import Box, Canvas, Change
from tem_rf.labelling.exports import export_files, write_export
from tem_rf.labelling.facts import ParticleFacts, measure_particle
from tem_rf.labelling.journal import History, Journal, has_journal
from tem_rf.labelling.step_codec import pack, unpack

Conflict = Literal["refuse", "file", "steps"]
Start = Callable[[], tuple[np.ndarray, str]]


class EditingSession:
    """Edits of one label file. What it shows is on disk: a step is written to the journal before it is made.

    Use `open`, and `close` at the end.

    Attributes:
        micrograph: The micrograph.
        label_file: The TIFF file that `save` writes.
        canvas: The instance numbers.
        probability: (height, width) probability of a model, or None.
        notes: Notes for the user about how the label was read.
    """

    def __init__(
        self,
        micrograph: Micrograph,
        label_file: Path,
        probability: np.ndarray | None,
        journal: Journal,
        notes: tuple[str, ...],
        exports: Mapping[str, Path],
    ) -> None:
        self.micrograph = micrograph
        self.label_file = label_file
        self.probability = probability
        self.notes = notes
        self._journal, self._exports = journal, exports
        self._facts: dict[int, ParticleFacts] = {}
        self.canvas = Canvas(journal.history.start.copy())
        for step in journal.history.done:
            self.canvas.apply(unpack(step))

    @classmethod
    def open(
        cls,
        micrograph: Micrograph,
        label_file: Path,
        *,
        probability: np.ndarray | None = None,
        start: Start | None = None,
        conflict: Conflict = "refuse",
        write: Sequence[str] = (),
    ) -> Self:
        """Open a label file, or resume its journal where an earlier session ended or was killed.

        A file that another program changed is taken as one more step, which can be undone.

        Args:
            micrograph: The micrograph.
            label_file: Instance label TIFF to open, if it exists, and to save.
            probability: (height, width) probability of a model.
            start: Reads the instance numbers to start from if there is neither file nor journal, and says what they
                are; None: no particles.
            conflict: What to do if the file was changed and there are steps that were not saved: refuse; continue from
                the file, with the steps in the undo history; or continue from the steps, so that saving overwrites it.
            write: Formats of `exports` to write beside the label at every save.

        Raises:
            LabelChangedError: There is such a conflict, or another process edits the label.
            ReadError: The label or the journal cannot be read.
            DatasetError: The label does not fit the micrograph.
            StorageError: The disk is full or the folder is not writable.
            SettingsError: A format is unknown.
        """
        exports = export_files(write, label_file, micrograph.path)
        shape = (micrograph.pixels.shape[0], micrograph.pixels.shape[1])
        path = journal_of(label_file)
        now = sha256(label_file) if label_file.exists() else None
        if not has_journal(label_file):
            notes: tuple[str, ...] = ()
            if now is not None:
                (numbers, notes), source = read_instances(label_file, shape, image=micrograph.path), label_file.name
            elif start is not None:
                numbers, source = start()
            else:
                numbers, source = np.zeros(shape, np.int32), "nothing"
            return cls(micrograph, label_file, probability, Journal.create(path, numbers, source, now), notes, exports)
        journal = Journal.resume(path, shape)
        try:
            history = journal.history
            is_changed = now is not None and now != history.file_sha256
            if is_changed and conflict == "refuse" and _has_own_steps(history):
                raise LabelChangedError(
                    f"{label_file}: another program changed it, and {path.name} has steps that were not saved; give "
                    '`conflict` "file" to continue from the file (the steps stay in the undo history), or "steps" to '
                    "continue from the steps and overwrite the file when you save."
                )
            try:
                session = cls(micrograph, label_file, probability, journal, (), exports)
                if is_changed:
                    session._take_file(keep_steps=conflict == "steps" and _has_own_steps(history))
            except (KeyError, TypeError, ValueError) as error:
                raise _damaged(path, error) from error
        except BaseException:
            journal.close()
            raise
        return session

    # -- steps ----------------------------------------------------------------------------------------------------

    @property
    def is_saved(self) -> bool:
        """Whether the label file has all steps."""
        return self._journal.history.is_saved

    @property
    def step_count(self) -> int:
        """Number of steps that can be undone."""
        return len(self._journal.history.done)

    @property
    def undone_count(self) -> int:
        """Number of steps that can be made again."""
        return len(self._journal.history.undone)

    @property
    def source(self) -> str:
        """What the labels were read from before the first step."""
        return self._journal.history.source

    def do(self, change: Change) -> Change:
        """Make a step.

        Args:
            change: From a function of this package, for the canvas as it is now.

        Raises:
            DiskFullError: The disk is full; nothing changed.
            StorageError: The location is not writable; nothing changed.
        """
        self._journal.append({"do": pack(change)})
        self._apply(change)
        return change

    def undo(self) -> Change:
        """Undo the last step, also one of an earlier session; return it reversed.

        Raises:
            EditError: There is none.
            DiskFullError: As for `do`.
        """
        if not self.step_count:
            raise EditError("undo: there are no earlier steps.")
        change = unpack(self._journal.history.done[-1]).reversed()
        self._journal.append({"undo": 1})
        self._apply(change)
        return change

    def redo(self) -> Change:
        """Make the last undone step again.

        Raises:
            EditError: There is none.
            DiskFullError: As for `do`.
        """
        if not self.undone_count:
            raise EditError("redo: no step was undone last.")
        change = unpack(self._journal.history.undone[-1])
        self._journal.append({"redo": 1})
        self._apply(change)
        return change

    def facts(self, number: int) -> ParticleFacts:
        """Return the numbers of a particle.

        Raises:
            EditError: There is no such particle.
        """
        if number not in self._facts:
            self._facts[number] = measure_particle(self.canvas, number, self.probability)
        return self._facts[number]

    # -- the file -------------------------------------------------------------------------------------------------

    def save(self, *, overwrite: bool = False) -> Path:
        """Write the label file, as a whole or not at all, then the files for other programs beside it.

        Args:
            overwrite: Also if another program has changed a file since it was read or written here.

        Raises:
            LabelChangedError: Another program has changed a file; all are left as they are.
            DiskFullError: The disk is full; the file is left as it is, and the journal has all steps.
            StorageError: The location is not writable.
        """

        def refuse_changed() -> None:
            now = sha256(self.label_file) if self.label_file.exists() else None
            if not overwrite and now is not None and now != self._journal.history.file_sha256:
                raise LabelChangedError(
                    f"{self.label_file}: another program changed it after it was opened here; it was not overwritten. "
                    "Reload it (your steps stay in the undo history), or overwrite it."
                )

        refuse_changed()
        for path in self._exports.values():
            if not overwrite and path.exists() and sha256(path) != self._journal.history.exports.get(path.name):
                raise LabelChangedError(
                    f"{path}: another program wrote or changed it; it was not overwritten. Close the editor and give "
                    "the file with `take` to continue from it, or overwrite it."
                )
        try:
            write_instances(
                self.label_file,
                self.canvas.numbers,
                pixel_size_nm=self.micrograph.pixel_size_nm,
                before_replacing=refuse_changed,
            )
        except DiskFullError as error:
            raise DiskFullError(
                f"{self.label_file}: no space left on the disk; the label was not saved, and all steps are kept. "
                "Free some space, then save again."
            ) from error
        self._journal.append({"file": sha256(self.label_file), "is_saved": True})
        for name, path in self._exports.items():
            write_export(name, path, self.canvas.numbers)
            self._journal.append({"exports": {path.name: sha256(path)}})
        return self.label_file

    def take(self, path: Path) -> None:
        """Take the particles of a file of another program as one more step, which can be undone.

        Pixels that are not sure stay so where the file has no particle, unless it has such pixels itself.

        Args:
            path: Any label: regions of Fiji, GeoJSON of QuPath, an image of napari.

        Raises:
            ReadError: It cannot be read.
            DatasetError: It does not fit the micrograph.
        """
        checksum = sha256(path)
        numbers, self.notes = read_instances(path, self.canvas.shape, image=self.micrograph.path)
        if not (numbers == UNSURE).any():
            numbers[(self.canvas.numbers == UNSURE) & (numbers == 0)] = UNSURE
        if not np.array_equal(numbers, self.canvas.numbers):
            self.do(self.canvas.change(f"take {path.name}", Box(0, 0, *self.canvas.shape), numbers))
        self._journal.append({"exports": {path.name: checksum}})

    def reload(self) -> None:
        """Take the label file as one more step, after another program has changed it.

        Raises:
            ReadError: It cannot be read.
            DatasetError: It does not fit the micrograph.
        """
        self._take_file(keep_steps=False)

    def close(self) -> None:
        """End the session; the journal stays."""
        self._journal.close()

    # -- helpers --------------------------------------------------------------------------------------------------

    def _apply(self, change: Change) -> None:
        self.canvas.apply(change)
        for number in {*np.unique(change.before).tolist(), *np.unique(change.after).tolist()}:
            self._facts.pop(number, None)

    def _take_file(self, *, keep_steps: bool) -> None:
        checksum = sha256(self.label_file)
        if not keep_steps:
            numbers, self.notes = read_instances(self.label_file, self.canvas.shape, image=self.micrograph.path)
            if not np.array_equal(numbers, self.canvas.numbers):
                whole = Box(0, 0, *self.canvas.shape)
                self.do(self.canvas.change("changes by another program", whole, numbers))
        self._journal.append({"file": checksum, "is_saved": not keep_steps})


def _has_own_steps(history: History) -> bool:
    """Whether steps would be lost if the label file were all that is left."""
    return not history.is_saved and bool(history.done or history.undone)


def _damaged(path: Path, error: Exception) -> ReadError:
    return ReadError(
        f"{path}: a step is damaged ({error}); rename it to keep it, and the label file is opened without its steps."
    )
