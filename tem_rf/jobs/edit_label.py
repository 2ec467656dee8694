"""Open the label of a micrograph to correct it, starting from a label, the result of a model, or nothing."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from tem_rf.config.marks import ADVANCED, Positional, SeveralWords
from tem_rf.config.preparation import PixelSizeNm
from tem_rf.errors import DatasetError, DiskFullError, ModelError, SettingsError, StorageError
from tem_rf.jobs.next_labels import START_FOLDER
from tem_rf.jobs.request import Request
from tem_rf.jobs.segment import SegmentRequest
from tem_rf.runs.root import DEFAULT_ROOT
from tem_rf.saved_models import MODELS

if TYPE_CHECKING:
    import numpy as np

    from tem_rf.data.micrograph import Micrograph
    from tem_rf.labelling.session import EditingSession


_TIFF = (".tif", ".tiff")


class EditRequest(Request):
    """A micrograph whose particles are corrected, and what to start from."""

    command = ("label", "edit")

    micrograph: Annotated[Path, Positional()] = Field(description="Micrograph: a file with one image.")
    labels: Path | None = Field(
        None,
        description="Instance label TIFF to correct and save; default: STEM_labels.tif beside the micrograph, named "
        "after its stem. If it does not exist, the correction starts from the model or mask.",
    )
    model: tuple[str, ...] = Field(
        (),
        description="Segment the micrograph with this model first: exported model, or name or folder of a run; several "
        "are averaged.",
    )
    mask: Path | None = Field(None, description="Label to start from, such as a mask written by `segment`.")
    probability: Path | None = Field(
        None, description="Probability of a model, as written by `segment` with `probability`."
    )
    take: Path | None = Field(
        None,
        description="Take the particles of this file as one more step: regions edited in Fiji, GeoJSON of QuPath, or "
        "any other label.",
    )
    write: SeveralWords = Field(
        (),
        description="Also write the particles beside the label at every save: rois for Fiji, geojson for QuPath.",
    )
    output: Path = Field(Path("segmented"), description="Folder for the results of the model.")
    rescale: bool = Field(False, description="Rescale the micrograph to the pixel size the model was trained at.")
    split_touching: bool = Field(
        False,
        description="Split touching particles of the mask at their necks. Those of a model with a distance output are "
        "always split.",
    )
    pixel_size_nm: PixelSizeNm | None = Field(None, description="Pixel size [nm], which overrides the one in the file.")
    conflict: Literal["refuse", "file", "steps"] = Field(
        "refuse",
        description="If another program changed the label file and there are steps that were not saved: refuse; file: "
        "continue from the file; steps: continue from the steps and overwrite the file.",
    )
    models: Annotated[Path, ADVANCED] = Field(MODELS, description="Folder of the models.")
    runs: Annotated[Path, ADVANCED] = Field(DEFAULT_ROOT, description="Folder of the runs.")


def default_label_file(micrograph: Path) -> Path:
    """Return the label file of a micrograph: beside it, under its stem.

    >>> default_label_file(Path("new/au_17.dm4")).name
    'au_17_labels.tif'
    """
    from tem_rf.data.names import stem_of

    return micrograph.with_name(f"{stem_of(micrograph)}_labels.tif")


def edit_request(micrograph: Path, label: Path, **more: Any) -> EditRequest:
    """Return the request to correct an existing label: in place if it is a TIFF file, otherwise as one beside it.

    Args:
        micrograph: The micrograph.
        label: Its label, of any format.
        more: Other settings.
    """
    if label.suffix.lower() in _TIFF:
        return EditRequest.build(micrograph=micrograph, labels=label, **more)
    return EditRequest.build(
        micrograph=micrograph, mask=label, labels=default_label_file(label.with_name(micrograph.name)), **more
    )


def first_edit_request(micrograph: Path) -> EditRequest:
    """Return the request to label a micrograph: from the particles that `label next` found in it, or from nothing."""
    start = micrograph.parent / START_FOLDER / micrograph.name
    return EditRequest.build(micrograph=micrograph, **({"mask": start} if start.is_file() else {}))


def open_label(request: EditRequest, *, on_step: Callable[[str], None] = lambda what: None) -> "EditingSession":
    """Open a label to correct it; the caller closes the session.

    Args:
        request: What to correct.
        on_step: Called with the current step.

    Raises:
        ReadError: A file cannot be read, or the micrograph is a stack.
        DatasetError: The label or the probability does not fit the micrograph.
        LabelChangedError: Another program changed the label file and there are steps that were not saved, or another
            process edits it.
        ModelError: The model cannot be used.
        SettingsError: Settings contradict each other.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.data.readers import read_micrograph
    from tem_rf.labelling.imports import import_edits
    from tem_rf.labelling.session import EditingSession

    mask, probability = request.mask, request.probability
    if request.model and (mask or probability):
        raise SettingsError("`model`: makes its own mask and probability; leave out `mask` and `probability`.")
    label_file = request.labels or default_label_file(request.micrograph)
    if label_file.suffix.lower() not in _TIFF:
        raise SettingsError(
            f"`labels`: {label_file} is not a TIFF file, but corrections are saved as TIFF; start from it with `mask`."
        )
    on_step(f"reading {request.micrograph.name}")
    micrograph = read_micrograph(request.micrograph, pixel_size_nm=request.pixel_size_nm)
    if label_file.exists() and label_file.samefile(request.micrograph):
        raise SettingsError(f"`labels`: {label_file} is the micrograph itself; give another file.")
    if request.model:
        on_step(f"segmenting {request.micrograph.name}")
        files = _segment(request)
        mask, probability = Path(files["instances"]), Path(files["probability"])

    def start() -> "tuple[np.ndarray, str]":
        if mask is None:
            if values is None:
                return _nothing(micrograph)
            return _regions(values > 0.5, micrograph, request), str(request.probability)
        return _particles(mask, micrograph, request), str(mask)

    import_edits()
    values = None if probability is None else _read_probability(probability, micrograph)
    on_step("reading the label")
    try:
        session = EditingSession.open(
            micrograph,
            label_file,
            probability=values,
            start=start,
            conflict=request.conflict,
            write=request.write,
        )
    except DiskFullError:
        raise
    except StorageError as error:
        raise StorageError(f"{error} To save the label elsewhere, give a TIFF file with `labels`.") from error
    try:
        if request.take is not None:
            session.take(request.take)
    except BaseException:
        session.close()
        raise
    return session


def _segment(request: EditRequest) -> dict[str, Any]:
    """Segment in a process of its own, whose memory and GPU are free again when the correction begins."""
    from tem_rf.inference.model_choice import gives_distance, model_folder

    folders = [model_folder(one, request.runs, request.models) for one in request.model]
    segment = SegmentRequest.build(
        images=(request.micrograph,),
        model=request.model,
        models=request.models,
        runs=request.runs,
        output=request.output,
        rescale=request.rescale,
        split_touching=request.split_touching or any(map(gives_distance, folders)),
        pixel_size_nm=request.pixel_size_nm,
        probability=True,
    )
    command = [sys.executable, "-m", "tem_rf", *segment.command_line(), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no output"]
        raise ModelError(f"{request.micrograph}: could not be segmented: {said[-1].removeprefix('tem-rf: ')}")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows[0]


def _particles(mask: Path, micrograph: "Micrograph", request: EditRequest) -> "np.ndarray":
    """(h, w) int32 particles of a label, rescaled to the micrograph if it was segmented at another pixel size."""
    import numpy as np

    from tem_rf.data.instances import read_instances
    from tem_rf.data.labels import read_one_label
    from tem_rf.data.pixels import resample_mask
    from tem_rf.data.readers import read_micrograph
    from tem_rf.particles.split import renumber, split_regions

    shape = (micrograph.pixels.shape[0], micrograph.pixels.shape[1])
    is_of_model = bool(request.model) or request.probability is not None
    if not is_of_model:
        numbers, _ = read_instances(mask, shape, image=micrograph.path)
        if not request.split_touching:
            return numbers
        return np.where(numbers < 0, numbers, split_regions(renumber(np.maximum(numbers, 0), 1), 1))
    found = read_micrograph(mask)
    if found.pixels.shape != shape and not _covers(found, micrograph):
        height, width = found.pixels.shape
        raise DatasetError(
            f"{mask}: the mask is {width} x {height} px, but its micrograph {shape[1]} x {shape[0]} px (width x "
            "height); segment this micrograph again."
        )
    label = read_one_label(mask, (found.pixels.shape[0], found.pixels.shape[1]))
    if label.instances is None:
        return _regions(resample_mask(label.mask, shape), micrograph, request)
    numbers = renumber(resample_mask(label.instances, shape), 1)
    return split_regions(numbers, 1) if request.split_touching and not request.model else numbers


def _covers(result: "Micrograph", micrograph: "Micrograph") -> bool:
    """Whether a result of a model shows the same area at another pixel size."""
    result_nm, micrograph_nm = result.pixel_size_nm, micrograph.pixel_size_nm
    if result_nm is None or micrograph_nm is None:
        return False
    sides = zip(result.pixels.shape, micrograph.pixels.shape, strict=True)
    return all(abs(there * result_nm - here * micrograph_nm) <= max(result_nm, micrograph_nm) for there, here in sides)


def _read_probability(file: Path, micrograph: "Micrograph") -> "np.ndarray":
    """(h, w) float32 on the pixels of the micrograph."""
    from tem_rf.data.pixels import resample_mask
    from tem_rf.data.readers import read_micrograph

    found, shape = read_micrograph(file), micrograph.pixels.shape
    values = found.pixels
    if values.dtype.kind != "f" or values.min() < 0 or values.max() > 1:
        raise DatasetError(
            f"{file}: holds values from {values.min():g} to {values.max():g} ({values.dtype}); expected a probability "
            "from 0 to 1, as written by `tem-rf segment` with `probability`."
        )
    if values.shape != shape and not _covers(found, micrograph):
        raise DatasetError(
            f"{file}: the probability is {values.shape[1]} x {values.shape[0]} px, but its micrograph {shape[1]} x "
            f"{shape[0]} px (width x height); segment this micrograph again."
        )
    return resample_mask(values, shape)


def _regions(mask: "np.ndarray", micrograph: "Micrograph", request: EditRequest) -> "np.ndarray":
    """(h, w) int32 particles of a mask (h, w) bool of at least the minimum diameter."""
    from tem_rf.particles.mask import disc_area_px, resolve_min_diameter_px
    from tem_rf.particles.split import number_particles

    min_area_px = disc_area_px(resolve_min_diameter_px(micrograph.pixel_size_nm))
    return number_particles(mask, split_touching=request.split_touching, min_area_px=min_area_px)


def _nothing(micrograph: "Micrograph") -> "tuple[np.ndarray, str]":
    import numpy as np

    return np.zeros(micrograph.pixels.shape, np.int32), "nothing"
