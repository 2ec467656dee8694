"""The prepared dataset on disk: a folder that can also be opened with Fiji, napari and a spreadsheet."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from tem_rf.config.training import settings_error
from tem_rf.data.manifest import SCHEMA_VERSION, Manifest
from tem_rf.data.readers import parsing
from tem_rf.data.splits import SPLITS, Split
from tem_rf.errors import DatasetError
from tem_rf.files import parse_json, write_json

MANIFEST_FILE, IMAGES_FILE, LABELS_FILE, PATCHES_FILE = "dataset.json", "images.tif", "labels.tif", "patches.csv"
INSTANCES_FILE = "instances.tif"
PARTICLE, UNSURE = 1, 2
"""Values of the labels, beside 0 for background; pixels that are not sure are neither trained on nor scored."""
_PATCH_COLUMNS = ("source", "y_px", "x_px", "split", "particle_fraction")


@dataclass(frozen=True)
class Patch:
    """The origin of a patch.

    Attributes:
        source: Name of its micrograph.
        y_px: First row, in the micrograph [px].
        x_px: First column, in the micrograph [px].
        split: Its split.
        particle_fraction: Fraction of particle pixels.
    """

    source: str
    y_px: int
    x_px: int
    split: Split
    particle_fraction: float

    @property
    def name(self) -> str:
        """Name of its images: stem of the file, number of the frame in a stack, row, column.

        >>> Patch("au.h5#17", 0, 512, "test", 0.2).name
        'au_17_r0_c512'
        """
        file, _, frame = self.source.rpartition("#")
        stem = f"{Path(file).stem}_{frame}" if frame.isdigit() and file else Path(self.source).stem
        return f"{stem}_r{self.y_px}_c{self.x_px}"


@dataclass(frozen=True, eq=False)
class PreparedDataset:
    """A dataset, open for reading.

    Attributes:
        folder: Its folder.
        manifest: Content of its dataset.json.
        images: (n, patch, patch) float32, normalized, memory-mapped.
        labels: (n, patch, patch) uint8, 1 on particles, 2 where the label is not sure, memory-mapped.
        patches: The n rows of patches.csv.
        instances: (n, patch, patch) uint16, number of the particle of each pixel in its patch, memory-mapped; 0 on all
            particles of a patch whose label does not tell touching particles apart. None if no label does.
        reused: Whether `prepare_dataset` found it up to date.
        fold: Fold that is held out for testing, from 1, and number of folds; None: the splits of the dataset.
    """

    folder: Path
    manifest: Manifest
    images: np.ndarray
    labels: np.ndarray
    patches: list[Patch]
    instances: np.ndarray | None = None
    reused: bool = False
    fold: tuple[int, int] | None = None

    @property
    def has_unsure(self) -> bool:
        """Whether some pixels are labelled as not sure."""
        return any(source.unsure_fraction for source in self.manifest.sources)

    def particles(self, index: Any) -> np.ndarray:
        """Particle pixels of one patch, (patch, patch) bool, or of several, (m, patch, patch)."""
        return np.asarray(self.labels[index] == PARTICLE)

    def unsure(self, index: Any) -> np.ndarray:
        """Pixels of one patch, or of several, whose label is not sure."""
        return np.asarray(self.labels[index] == UNSURE)

    @property
    def monitored(self) -> Split:
        """The split whose scores are reported after every epoch: validation, or what there is instead of it.

        In a fold that is the part held out for testing; without validation patches, the training patches.
        """
        if self.fold is not None:
            return "test"
        return "validation" if any(patch.split == "validation" for patch in self.patches) else "train"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `dataset.json`, which contains the hashes of the sources; identifies the dataset of a run."""
        return hashlib.sha256((self.folder / MANIFEST_FILE).read_bytes()).hexdigest()

    def indices(self, split: Split) -> np.ndarray:
        """Indices of the patches of a split, in order.

        Raises:
            DatasetError: There is no such split, or it is empty.
        """
        found = np.array([index for index, patch in enumerate(self.patches) if patch.split == split], int)
        if not len(found):
            present = ", ".join(name for name in SPLITS if any(patch.split == name for patch in self.patches))
            raise DatasetError(
                f"{self.folder}: has no {split} patches, only {present}; prepare it again from at least 3 labelled "
                "micrographs, or with `split` study."
            )
        return found


def open_dataset(folder: Path) -> PreparedDataset:
    """Open a dataset folder and check that it is complete.

    Raises:
        DatasetError: It is missing, incomplete, damaged or of another schema version.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    patches = _read_patches(folder / PATCHES_FILE)
    shape = (len(patches), manifest.patch_size, manifest.patch_size)
    images, labels = (
        _map_stack(folder / name, shape, dtype) for name, dtype in ((IMAGES_FILE, np.float32), (LABELS_FILE, np.uint8))
    )
    has_instances = (folder / INSTANCES_FILE).is_file()
    instances = _map_stack(folder / INSTANCES_FILE, shape, np.uint16) if has_instances else None
    return PreparedDataset(folder, manifest, images, labels, patches, instances)


def read_manifest(folder: Path) -> Manifest:
    """Read and check dataset.json.

    Raises:
        DatasetError: It is missing, damaged or of another schema version.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        raise DatasetError(
            f"{folder}: is not a dataset ({MANIFEST_FILE} is missing); create one with `tem-rf prepare`."
        )
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        version = content["schema_version"]
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror}); change its permissions, or prepare the dataset again."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: is damaged ({error}); prepare the dataset again.") from error
    if version != SCHEMA_VERSION:
        raise DatasetError(
            f"{path}: schema version {version}, expected {SCHEMA_VERSION}; prepare the dataset again with this "
            "version of tem-rf, with `overwrite`."
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise DatasetError(f"{path}: {settings_error(error)} Prepare the dataset again.") from error


def write_tables(folder: Path, manifest: Manifest, patches: list[Patch]) -> None:
    """Write dataset.json and patches.csv into a dataset folder."""
    with (folder / PATCHES_FILE).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(_PATCH_COLUMNS)
        for patch in patches:
            rows.writerow([patch.source, patch.y_px, patch.x_px, patch.split, f"{patch.particle_fraction:.6f}"])
    write_json(folder / MANIFEST_FILE, manifest.model_dump(mode="json"))


def _read_patches(path: Path) -> list[Patch]:
    if not path.is_file():
        raise DatasetError(f"{path}: is missing; prepare the dataset again.")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_patch(row) for row in csv.DictReader(file)]
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror}); change its permissions, or prepare the dataset again."
        ) from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DatasetError(
            f"{path}: is damaged ({error}); expected the columns {', '.join(_PATCH_COLUMNS)}, prepare the dataset "
            "again."
        ) from error


def _patch(row: dict[str, str]) -> Patch:
    split = next((name for name in SPLITS if name == row["split"]), None)
    if split is None:
        raise ValueError(f"split {row['split']!r}")
    y_px, x_px = (row["y_px"], row["x_px"]) if "y_px" in row else (row["row"], row["column"])  # earlier datasets
    return Patch(row["source"], int(y_px), int(x_px), split, float(row["particle_fraction"]))


def _map_stack(path: Path, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    import tifffile

    if not path.is_file():
        raise DatasetError(f"{path}: is missing; prepare the dataset again.")
    with parsing(path, [], failure=DatasetError, advice="prepare the dataset again"):
        mapped = tifffile.memmap(path, mode="r")
        stack = mapped.reshape(-1, *mapped.shape[-2:])  # a stack of one image is read as that image
    if stack.shape != shape or stack.dtype != dtype:
        raise DatasetError(
            f"{path}: expected {shape} {np.dtype(dtype)}, found {stack.shape} {stack.dtype}; prepare the dataset again."
        )
    return stack
