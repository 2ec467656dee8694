"""An earlier export in the folder of a new one: whether it may be replaced, and what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.errors import ModelError
from tem_rf.export.formats import FORMATS, SAVED_MODEL, ExportFormat, formats_in
from tem_rf.export.remarks import NO_REMARKS, Remarks

if TYPE_CHECKING:
    from tem_rf.inference.card import ModelCard
    from tem_rf.runs.folder import RunFolder

LICENSE = "BSD-3-Clause"


def export_over(
    run: RunFolder,
    output: Path,
    formats: Sequence[ExportFormat] = (SAVED_MODEL,),
    *,
    remarks: Remarks = NO_REMARKS,
    only_missing: bool = False,
    overwrite: bool = False,
) -> ModelCard:
    """Export a run to a folder where an earlier export may stand: its formats, authors and license are kept.

    Args:
        run: A run with at least one epoch.
        output: Folder to write.
        formats: What to write; formats that stand there are written again, so that all hold one network.
        remarks: What the card says beyond what the run does; what the maker leaves out stays as before, the license
            else is BSD-3-Clause.
        only_missing: Leave the folder as it is where it holds all that is asked for.
        overwrite: Replace whatever stands there, and keep no remarks of it.

    Raises:
        ModelError: The folder holds something else, the run has no network, or Keras another backend than TensorFlow.
        StorageError: The disk is full or the place cannot be written to.
    """
    from tem_rf.export.run import export_run
    from tem_rf.inference.card import ModelCard

    refuse_foreign_folder(output, overwrite=overwrite)
    standing = formats_in(output)
    wanted = [one for one in FORMATS.values() if one in (*standing, *formats)]
    before = ModelCard.read(output) if standing and not overwrite else None
    if only_missing and wanted == standing and before and remarks == NO_REMARKS:
        return before
    if before:
        remarks = remarks.or_before(before)
    return export_run(run, output, wanted, remarks=replace(remarks, license=remarks.license or LICENSE))


def refuse_foreign_folder(output: Path, *, overwrite: bool) -> None:
    """A model of ours may be replaced by a newer export of the same name; anything else is the user's.

    Args:
        output: Where a model is to be written.
        overwrite: Whether the user gives up what stands in that folder.

    Raises:
        ModelError: It holds something else, or is no folder.
    """
    from tem_rf.saved_models import CARD_NAME

    if not output.exists():
        return
    if not output.is_dir():
        raise ModelError(f"{output}: is a file, expected a folder to export to; choose another --output.")
    if not overwrite and not (output / CARD_NAME).exists() and any(output.iterdir()):
        raise ModelError(
            f"{output}: is not empty and holds no exported model; choose another --output, or add --overwrite."
        )
