"""Export formats: their files, inputs, outputs and required packages."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tem_rf.architecture import Architecture
from tem_rf.errors import ModelError, SettingsError

_COUNTS = "raw counts (n, h, w) float32, any h and w; outlier removal, normalization, padding and cropping are included"
_IMAGES = "images (n, h, w, 1) float32, any h and w, preprocessed as given in this card"
_ALIGNED = "images (n, h, w, 1) float32, h and w multiples of the stride, preprocessed as given in this card"
_PACKAGED = "micrographs without x-ray outliers; rdf.yaml gives their sizes and the normalization"
_PROBABILITY = "probability (n, h, w, 1) float32 of a particle"


@dataclass(frozen=True)
class ExportFormat:
    """One format.

    Attributes:
        name: Its name for users.
        file: Its file in the model folder; for the SavedModel, the file that identifies it.
        takes: Input of the network.
        gives: Output of the network.
        distance: What it gives beside, if the network has a distance output.
        packages: Packages required in addition to the dependencies of tem-rf.
    """

    name: str
    file: str
    takes: str
    gives: str
    distance: str = "; distance (n, h, w, 1) float32 to the edge of the particle, about 1 at its centre"
    packages: tuple[str, ...] = ()

    def outputs_of(self, architecture: Architecture) -> str:
        """Output of a network of an architecture."""
        return self.gives + (self.distance if architecture.has_distance else "")


SAVED_MODEL = ExportFormat(
    "savedmodel",
    "saved_model.pb",
    _COUNTS,
    "endpoint `serve`: probability (n, h, w) float32 of a particle and mask (n, h, w) uint8",
    "; distance (n, h, w) float32 to the edge of the particle, about 1 at its centre",
)
KERAS = ExportFormat(
    "keras",
    "model.keras",
    _ALIGNED,
    "logits (n, h, w, 2) float32, background first, without temperature",
    "; a third channel is the distance to the edge of the particle, about 1 at its centre",
)
ONNX = ExportFormat("onnx", "model.onnx", _COUNTS, _PROBABILITY, packages=("onnx", "onnxruntime", "tf2onnx"))
LITERT = ExportFormat("litert", "model.tflite", _IMAGES, _PROBABILITY)
BIOIMAGEIO = ExportFormat(
    "bioimageio",
    "model.bioimageio.zip",
    _PACKAGED,
    _PROBABILITY,
    "; the distance is in the other formats only",
    ("bioimageio.core", *ONNX.packages),
)
FORMATS = {one.name: one for one in (SAVED_MODEL, KERAS, ONNX, LITERT, BIOIMAGEIO)}


def formats_named(text: str) -> list[ExportFormat]:
    """Read names separated by commas; the SavedModel, which tem-rf itself reads, is always the first.

    Raises:
        SettingsError: A format is unknown.

    >>> [one.name for one in formats_named("litert,keras")]
    ['savedmodel', 'keras', 'litert']
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FORMATS:
            raise SettingsError(
                f"`formats`: expected formats among {', '.join(FORMATS)}, separated by commas, received {name!r}."
            )
    return [one for one in FORMATS.values() if one is SAVED_MODEL or one.name in names]


def formats_in(folder: Path) -> list[ExportFormat]:
    """Return the formats in a folder."""
    return [one for one in FORMATS.values() if (folder / one.file).exists()]


def require_packages(one: ExportFormat) -> None:
    """Check that the packages a format needs are installed.

    Raises:
        ModelError: A package is missing; the message says how to install it.
    """
    absent = [package for package in one.packages if find_spec(package.partition(".")[0]) is None]
    if absent:
        raise ModelError(f"{one.name}: needs {', '.join(absent)}; run: pip install 'tem-rf[exchange]'")
