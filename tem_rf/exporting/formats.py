"""The formats a network can be exported in: their files, what they take and give, and what they need installed."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tem_rf.errors import ModelError, SettingsError

_COUNTS = "raw counts (n, h, w) float32, any h and w; outliers, normalization, padding and cropping happen inside"
_IMAGES = "images (n, h, w, 1) float32, any h and w, after the preprocessing that this card names"
_ALIGNED = "images (n, h, w, 1) float32, h and w multiples of the stride, after the preprocessing that this card names"
_PACKAGED = "micrographs without x-ray outliers; rdf.yaml says their sizes and how the program normalizes them"
_PROBABILITY = "probability (n, h, w, 1) float32 of a particle"


@dataclass(frozen=True)
class ExportFormat:
    """One format.

    Attributes:
        name: What users call it.
        file: Its file in the folder of the model; for the SavedModel, the one that says it is there.
        takes: What the network in it takes.
        gives: What it gives.
        packages: What is needed beside the packages that tem-rf always has.
    """

    name: str
    file: str
    takes: str
    gives: str
    packages: tuple[str, ...] = ()


SAVED_MODEL = ExportFormat(
    "savedmodel",
    "saved_model.pb",
    _COUNTS,
    "endpoint `serve`: probability (n, h, w) float32 of a particle and mask (n, h, w) uint8",
)
KERAS = ExportFormat("keras", "model.keras", _ALIGNED, "logits (n, h, w, 2) float32, background first")
ONNX = ExportFormat("onnx", "model.onnx", _COUNTS, _PROBABILITY, ("onnx", "onnxruntime", "tf2onnx"))
LITERT = ExportFormat("litert", "model.tflite", _IMAGES, _PROBABILITY)
BIOIMAGEIO = ExportFormat(
    "bioimageio", "model.bioimageio.zip", _PACKAGED, _PROBABILITY, ("bioimageio.core", *ONNX.packages)
)
FORMATS = {one.name: one for one in (SAVED_MODEL, KERAS, ONNX, LITERT, BIOIMAGEIO)}


def formats_named(text: str) -> list[ExportFormat]:
    """Read names with commas; the SavedModel, which tem-rf itself reads, is always the first.

    Raises:
        SettingsError: A name means no format.

    >>> [one.name for one in formats_named("litert,keras")]
    ['savedmodel', 'keras', 'litert']
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FORMATS:
            raise SettingsError(f"`formats`: expected some of {', '.join(FORMATS)}, with commas, received {name!r}.")
    return [one for one in FORMATS.values() if one is SAVED_MODEL or one.name in names]


def formats_in(folder: Path) -> list[ExportFormat]:
    """The formats that stand in a folder."""
    return [one for one in FORMATS.values() if (folder / one.file).exists()]


def require_packages(one: ExportFormat) -> None:
    """Refuse a format whose packages are absent.

    Raises:
        ModelError: Some are; the message says how to install them.
    """
    absent = [package for package in one.packages if find_spec(package.partition(".")[0]) is None]
    if absent:
        raise ModelError(f"{one.name}: needs {', '.join(absent)}; run: pip install 'tem-rf[exchange]'")
