"""Export the network of a run, or import a published one, as a saved model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tem_rf.config.marks import ADVANCED, Flags, Positional, SeveralWords
from tem_rf.config.preparation import Normalization, PixelSizeNm
from tem_rf.errors import SettingsError
from tem_rf.exporting.formats import FORMATS, SAVED_MODEL, formats_named
from tem_rf.jobs.request import Request
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.root import DEFAULT_ROOT, find_run
from tem_rf.saved_models import MODELS, refuse_foreign_folder

if TYPE_CHECKING:
    from tem_rf.exporting.check import Comparison
    from tem_rf.inference.card import HeldOutScores, ModelCard

DEFAULT_LICENSE = "BSD-3-Clause"


class ExportRequest(Request):
    """A run to export, its formats, and the content of its model card."""

    command = ("export",)

    run: Annotated[tuple[str, ...], Positional()] = Field(
        min_length=1,
        description="Name or folder of the run. Of several (one network, several seeds), the best by validation score "
        "is exported; all folds of a cross-validation become one model that averages them.",
    )
    ensemble: bool = Field(False, description="Average the networks of several seeds instead of selecting the best.")
    output: Annotated[Path | None, Flags("output", "o")] = Field(
        None, description=f"Folder to write; default: {MODELS}/RUN."
    )
    formats: Annotated[SeveralWords, Flags("format")] = Field(
        (SAVED_MODEL.name,),
        description=f"Formats, separated by commas: {', '.join(FORMATS)}. The SavedModel, which tem-rf reads, is "
        "always written.",
    )
    check: bool = Field(
        False,
        description="Run every format in its own runtime and compare it with the run; export only missing formats.",
    )
    authors: Annotated[tuple[str, ...], Flags("author")] = Field(
        (), description="Author of the model, for the model card and bioimage.io; may be repeated."
    )
    license_id: Annotated[str | None, Flags("license")] = Field(
        None,
        description="SPDX identifier of the license of the model; default: the one of the previous export, or "
        f"{DEFAULT_LICENSE}.",
    )
    held_out: Annotated[tuple[str, ...], ADVANCED] = Field(
        (),
        description="NAME=FOLDER of labelled micrographs to score the network on, for the model card; may be repeated.",
    )
    purpose: Annotated[str | None, ADVANCED] = Field(
        None, description="Purpose of the model, as stated in the model card."
    )
    limits: Annotated[tuple[str, ...], Flags("limit"), ADVANCED] = Field(
        (), description="Limitation of the model, as stated in the model card; may be repeated."
    )
    made_by: Annotated[str | None, ADVANCED] = Field(
        None, description="Command that produced the model, for the model card."
    )
    runs: Annotated[Path, ADVANCED] = Field(DEFAULT_ROOT, description="Folder of the runs.")
    overwrite: bool = Field(False, description="Overwrite an existing model.")

    @property
    def held_out_folders(self) -> dict[str, Path]:
        """Folders of labelled micrographs by name.

        Raises:
            SettingsError: One is not NAME=FOLDER.
        """
        return dict(map(_named_folder, self.held_out))


@dataclass(frozen=True)
class Exported:
    """Result of an export.

    Attributes:
        folder: The folder that was written.
        card: The content of its `model.json`.
        comparisons: Comparison of each format with the run; empty unless requested.
    """

    folder: Path
    card: "ModelCard"
    comparisons: "list[Comparison]"


def export(request: ExportRequest, *, on_step: Callable[[str], None] = lambda what: None) -> Exported:
    """Export the best network of a run, or of the best of several seeds.

    Args:
        request: What to export.
        on_step: Called with the current step.

    Raises:
        RunError: There is no such run.
        SettingsError: A format is unknown.
        ModelError: The run has not finished an epoch, the folder contains something else, or packages are missing.
        StorageError: The disk is full or the folder is not writable.
    """
    candidates = [find_run(one, request.runs) for one in request.run]
    held_out, formats = request.held_out_folders, formats_named(",".join(request.formats))
    from tem_rf.models.backend import import_keras

    import_keras()
    from tem_rf.exporting.best_seed import all_folds, best_seed, seed_scores
    from tem_rf.exporting.card_notes import CardNotes
    from tem_rf.exporting.check import compare_formats
    from tem_rf.exporting.export import export_over

    folder = best_seed(candidates)
    members: list[RunFolder] = []
    if len(candidates) > 1 and (request.ensemble or folder.config.fold is not None):
        members = all_folds(candidates) if folder.config.fold is not None else candidates
        folder = members[0]
    output = request.output or MODELS / (f"{folder.name}-ensemble" if members else folder.name)
    notes = CardNotes(
        authors=request.authors,
        license=request.license_id,
        purpose=request.purpose,
        limits=request.limits,
        made_by=request.made_by,
        seeds=seed_scores(candidates) if len(candidates) > 1 else (),
        held_out=_score_held_out(members or [folder], held_out, on_step),
    )
    on_step(f"exporting {folder.name} as {', '.join(one.name for one in formats)}")
    card = export_over(
        folder,
        output,
        formats,
        notes=notes,
        members=members,
        only_missing=request.check,
        overwrite=request.overwrite,
    )
    comparisons = []
    if request.check:
        on_step("comparing the formats with the run")
        for comparison in compare_formats(members or [folder], output):
            on_step(f"comparing {comparison.runtime} with the run")
            comparisons.append(comparison)
    return Exported(output, card, comparisons)


class ImportRequest(Request):
    """A published network of the study to import."""

    command = ("import",)

    file: Annotated[Path, Positional()] = Field(
        description="PyTorch file of a whole network, as published by the authors of the study."
    )
    output: Annotated[Path | None, Flags("output", "o")] = Field(
        None, description=f"Folder to write; default: {MODELS}/FILE without its extension."
    )
    normalization: Normalization | None = Field(
        None, description="Normalization that the network expects; default: the one the authors used at its depth."
    )
    pixel_size_nm: PixelSizeNm | None = Field(
        None, ge=1e-5, le=1e6, description="Pixel size of the training images [nm], which the file does not contain."
    )
    overwrite: bool = Field(False, description="Overwrite an existing model.")

    @property
    def folder(self) -> Path:
        """The folder that is written."""
        return self.output or MODELS / self.file.stem


def import_network(request: ImportRequest) -> "ModelCard":
    """Import a published network, without PyTorch and without running code from the file.

    Raises:
        ReadError: The file is not a network of the study.
        ModelError: The folder contains something else.
        StorageError: The disk is full or the folder is not writable.
    """
    refuse_foreign_folder(request.folder, overwrite=request.overwrite)
    from tem_rf.models.backend import import_keras

    import_keras()
    from tem_rf.exporting.published import import_published_network

    return import_published_network(
        request.file, request.folder, normalization=request.normalization, pixel_size_nm=request.pixel_size_nm
    )


def _named_folder(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise SettingsError(f"`held_out`: expected NAME=FOLDER, received {text!r}.")
    return name, Path(folder)


def _score_held_out(
    runs: Sequence[RunFolder], folders: dict[str, Path], on_step: Callable[[str], None]
) -> "tuple[HeldOutScores, ...]":
    if not folders:
        return ()
    from tem_rf.exporting.micrographs import score_held_out
    from tem_rf.inference.model import load_averaged

    segmenter = load_averaged([run.path for run in runs])
    scores = []
    for name, folder in folders.items():
        on_step(f"segmenting {name}")
        scores.append(score_held_out(segmenter, folder, name=name))
    return tuple(scores)
