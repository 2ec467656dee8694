"""Suggest the patches to label next, and cut them out."""

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tem_rf.config.marks import ADVANCED, Existing, Flags, Group, Positional
from tem_rf.config.preparation import PixelSizeNm
from tem_rf.config.reading import ReadingSettings, reading_settings
from tem_rf.errors import DatasetError, ReadError, SettingsError
from tem_rf.jobs.request import Request
from tem_rf.runs.root import DEFAULT_ROOT
from tem_rf.saved_models import MODELS

if TYPE_CHECKING:
    import numpy as np

    from tem_rf.data.prepared import PreparedDataset
    from tem_rf.evaluation.learning_curve import Trained
    from tem_rf.inference.candidates import Candidate
    from tem_rf.inference.model import Segmenter

TABLE_NAME, START_FOLDER = "suggestions.csv", "model_labels"
SMALL_GAIN = 0.002
"""In dice: below what two persons' labels of one particle differ by."""


class NextRequest(Request):
    """Micrographs without labels, and the model that will be trained on more of them."""

    command = ("label", "next")

    folder: Annotated[Path, Positional(), Existing()] = Field(
        description="Folder of micrographs without labels, or one file."
    )
    model: tuple[str, ...] = Field(
        min_length=1,
        description="Exported model, or name or folder of a run; several, such as the folds of a cross-validation, "
        "are compared with each other.",
    )
    output: Annotated[Path, Flags("output", "o")] = Field(Path("to_label"), description="Folder for the patches.")
    labelled: Annotated[Path | None, Existing()] = Field(
        None, description="Prepared dataset of what is labelled already; default: that of the run, if it is one."
    )
    count: int = Field(8, ge=1, description="Number of patches.")
    patch_size: int = Field(256, ge=16, description="Side of a patch [px].")
    transforms: Annotated[int, Flags("test_time")] = Field(
        8, ge=1, le=8, description="Rotated and mirrored views that are compared, for each model."
    )
    pixel_size_nm: PixelSizeNm | None = Field(None, description="Pixel size [nm], which overrides those in the files.")
    rescale: bool = Field(False, description="Rescale micrographs to the pixel size the model was trained at.")
    reading: Annotated[ReadingSettings, Group(reading_settings, only=("array", "channel"))]
    models: Annotated[Path, ADVANCED] = Field(MODELS, description="Folder of the models.")
    runs: Annotated[Path, ADVANCED] = Field(DEFAULT_ROOT, description="Folder of the runs.")


@dataclass(frozen=True)
class Suggestion:
    """A patch that was cut out.

    Attributes:
        file: Its TIFF file.
        start: Particles that the model finds, as instance labels to correct.
        source: File of the micrograph.
        frame: Number of the frame in that file.
        y_px: First row in the micrograph [px].
        x_px: First column in the micrograph [px].
        disagreement: Rank of the disagreement among all patches, from 0 to 1.
        unlikeness: Rank of the distance to what is labelled, from 0 to 1.
        particle_fraction: Fraction of particle pixels that the model finds.
    """

    file: Path
    start: Path
    source: Path
    frame: int
    y_px: int
    x_px: int
    disagreement: float
    unlikeness: float
    particle_fraction: float


@dataclass(frozen=True)
class Suggestions:
    """The result.

    Attributes:
        patches: The patches, the most useful first.
        candidates: Number of patches that were compared.
        history: Earlier trainings of the same network, tested on the same micrographs.
        expected_gain: Gain in dice that these patches are expected to bring; None without a history.
    """

    patches: tuple[Suggestion, ...]
    candidates: int
    history: "tuple[Trained, ...]"
    expected_gain: float | None


def suggest_labels(
    request: NextRequest,
    *,
    on_step: Callable[[str], None] = lambda what: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Suggestions:
    """Rank the patches of unlabelled micrographs and cut out the first.

    Args:
        request: What to compare.
        on_step: Called with the next step.
        on_note: Called with notes for the user.

    Raises:
        SettingsError: A single view of a single model, which cannot disagree.
        DatasetError: The output exists, or everything in the folder is labelled already.
        ReadError: The folder contains no micrograph.
        ModelError: There is no such model.
        StorageError: The disk is full or the output is not writable.
    """
    if len(request.model) * request.transforms < 2:
        raise SettingsError("`transforms`: one view of one model cannot disagree; give 2 to 8, or several `model`.")
    if request.output.exists() and any(request.output.iterdir()):
        raise DatasetError(f"{request.output}: exists and is not empty; choose another `output`.")
    from tem_rf.evaluation.learning_curve import learning_curve
    from tem_rf.inference.model_choice import NetworkChoice, Networks, model_folder
    from tem_rf.labelling.suggestions import describe_patch, expected_gain, select_patches
    from tem_rf.models.backend import import_keras
    from tem_rf.runs.root import list_runs

    folders = tuple(model_folder(one, request.runs, request.models) for one in request.model)
    labelled = _labelled(request, folders)
    files = _unlabelled(request.folder, labelled, on_note)
    import_keras()
    networks = Networks(NetworkChoice(folders, request.models, request.rescale))
    found: list[Candidate] = []
    architectures: list[Segmenter] = []
    for number, file in enumerate(files, start=1):
        architectures = networks.segmenters(file, pixel_size_nm=request.pixel_size_nm, on_step=on_step)
        on_step(f"segmenting {file.name} ({number} of {len(files)})")
        found += _candidates(request, file, architectures, on_note)
    if not found:
        raise ReadError(f"{request.folder}: no micrograph could be read; see the notes above.")
    import numpy as np

    described = np.stack([describe_patch(one.normalized, float(one.mask.mean())) for one in found])
    disagreements = np.array([one.disagreement for one in found])
    selected = select_patches(disagreements, described, _described(labelled), request.count)
    patches = _write(request, [(found[index], surprise, unlike) for index, surprise, unlike in selected])
    history = learning_curve(list_runs(request.runs), architectures[0].architecture)
    gain = expected_gain([(one.patches, one.hard_dice) for one in history], len(patches))
    return Suggestions(patches, len(found), history, gain)


def _candidates(
    request: NextRequest, file: Path, segmenters: "list[Segmenter]", on_note: Callable[[str], None]
) -> "list[Candidate]":
    from tem_rf.inference.candidates import find_candidates

    try:
        return list(
            find_candidates(
                file,
                segmenters,
                patch_size=request.patch_size,
                transforms=request.transforms,
                reading=request.reading,
                pixel_size_nm=request.pixel_size_nm,
                on_note=on_note,
            )
        )
    except (ReadError, DatasetError) as error:  # the others may still be read
        on_note(f"{error} It is left out.")
        return []


def _labelled(request: NextRequest, models: tuple[Path, ...]) -> "PreparedDataset | None":
    from tem_rf.data.prepared import open_dataset
    from tem_rf.runs.folder import RunFolder

    if request.labelled is not None:
        return open_dataset(request.labelled)
    run = RunFolder(models[0])
    if not run.config_file.exists() or not run.config.dataset.is_dir():
        return None
    return open_dataset(run.config.dataset)


def _unlabelled(folder: Path, labelled: "PreparedDataset | None", on_note: Callable[[str], None]) -> list[Path]:
    """Micrographs whose content is not in the dataset; of copies only the first."""
    from tem_rf.data.pairing import micrographs_at

    known = {} if labelled is None else {one.sha256: one.name for one in labelled.manifest.sources}
    files, seen = [], dict[str, Path]()
    for file in micrographs_at(folder):
        try:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            on_note(f"{file}: cannot be read ({error.strerror}). It is left out.")
            continue
        if digest in known:
            on_note(f"{file.name}: is labelled already, as {known[digest]} of the dataset")
        elif digest in seen:
            on_note(f"{file.name}: has the same content as {seen[digest].name} and is left out")
        else:
            seen[digest] = file
            files.append(file)
    if not files:
        raise DatasetError(f"{folder}: all micrographs are labelled already; name a folder with others.")
    return files


def _described(labelled: "PreparedDataset | None") -> "np.ndarray":
    import numpy as np

    from tem_rf.data.renormalized import can_be_normalized, in_normalization
    from tem_rf.labelling.suggestions import describe_patch

    if labelled is None or not can_be_normalized(labelled, "robust"):
        return np.zeros((0, 0))
    dataset = in_normalization(labelled, "robust")
    return np.stack(
        [describe_patch(dataset.images[index], patch.particle_fraction) for index, patch in enumerate(dataset.patches)]
    )


def _write(request: NextRequest, selected: "list[tuple[Candidate, float, float]]") -> tuple[Suggestion, ...]:
    from tem_rf.data.instances import write_instances
    from tem_rf.data.names import stem_of
    from tem_rf.data.tiff import write_tiff
    from tem_rf.files import replacing_folder
    from tem_rf.particles.split import particles_of_output

    rows: list[Suggestion] = []
    with replacing_folder(request.output) as folder:
        (folder / START_FOLDER).mkdir(parents=True)
        for one, surprise, unlike in selected:
            frame = f"_f{one.frame}" if one.frame else ""
            name = f"{stem_of(one.file)}{frame}_y{one.y_px}_x{one.x_px}.tif"
            write_tiff(folder / name, one.pixels, pixel_size_nm=one.pixel_size_nm)
            start = particles_of_output(one.mask, one.distance)
            write_instances(folder / START_FOLDER / name, start, pixel_size_nm=one.pixel_size_nm)
            rows.append(
                Suggestion(
                    file=request.output / name,
                    start=request.output / START_FOLDER / name,
                    source=one.file.resolve(),
                    frame=one.frame,
                    y_px=one.y_px,
                    x_px=one.x_px,
                    disagreement=round(surprise, 4),
                    unlikeness=round(unlike, 4),
                    particle_fraction=round(float(one.mask.mean()), 4),
                )
            )
        with (folder / TABLE_NAME).open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["patch", *list(Suggestion.__dataclass_fields__)[2:]])
            for row in rows:
                values = [getattr(row, name) for name in list(Suggestion.__dataclass_fields__)[2:]]
                table.writerow([row.file.name, *values])
    return tuple(rows)
