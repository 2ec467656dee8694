"""Labels: which file marks the particles of which micrograph, and the mask it holds."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tem_rf.data.readers import MICROGRAPH_SUFFIXES, read_micrograph
from tem_rf.errors import DatasetError

LABEL_FOLDERS = ("labels", "masks", "annotations")
_LABEL_ENDING = re.compile(r"[ _.-]?(labels?|masks?|seg|segmentation|gt)$", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """A micrograph and the file that labels it."""

    image: Path
    label: Path


@dataclass(frozen=True)
class Problem:
    """A file that takes no part, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Pairing:
    """What pairs in a folder, in the order of the names, and what does not."""

    pairs: tuple[Pair, ...]
    problems: tuple[Problem, ...]


def pair_labels(images: Path, labels: Path | None = None) -> Pairing:
    """Pair micrographs with labels by the stem of their names.

    Args:
        images: Folder of micrographs. Without `labels` it may hold the folders images/ and labels/ (or masks/), or
            both kinds side by side, labels ending in _mask or _label.
        labels: Folder of labels.

    Raises:
        DatasetError: A folder is missing, or there is no micrograph in it.
    """
    images, labels = _folders(Path(images), labels)
    flat = labels == images
    image_files = _by_stem([path for path in _files(images) if not (flat and _LABEL_ENDING.search(path.stem))])
    label_files = _by_stem([path for path in _files(labels) if not flat or _LABEL_ENDING.search(path.stem)], strip=True)
    if not image_files:
        raise DatasetError(
            f"{images}: no micrographs; expected files ending in {' '.join(sorted(MICROGRAPH_SUFFIXES))}."
        )
    pairs, problems = [], []
    for stem, paths in sorted(image_files.items()):
        partners = label_files.get(stem, [])
        if len(paths) > 1:
            problems.append(Problem(paths[1], f"has the same stem as {paths[0].name}; rename or remove one of them"))
        elif not partners:
            problems.append(Problem(paths[0], f"has no label; expected {labels / stem}.png, .tif or .npy"))
        elif len(partners) > 1:
            problems.append(Problem(partners[1], f"labels the same image as {partners[0].name}; remove one of them"))
        else:
            pairs.append(Pair(paths[0], partners[0]))
    for stem in sorted(label_files.keys() - image_files.keys()):
        problems += [
            Problem(path, f"labels no image; expected one named {stem} in {images}") for path in label_files[stem]
        ]
    return Pairing(tuple(pairs), tuple(problems))


def read_label(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Read a label as a mask: every value that is not zero is particle.

    Args:
        path: Mask or image of instance numbers.
        shape: Height and width of the micrograph it belongs to.

    Returns:
        (height, width) bool.

    Raises:
        ReadError: The file cannot be read.
        DatasetError: It is not as large as the micrograph.
    """
    mask = read_micrograph(path).pixels != 0
    if mask.shape != tuple(shape):
        raise DatasetError(
            f"{path}: the label is {mask.shape[1]} x {mask.shape[0]} px, its micrograph {shape[1]} x {shape[0]} px "
            "(width x height); label the image at its own size."
        )
    return mask


def _folders(images: Path, labels: Path | None) -> tuple[Path, Path]:
    if labels is None:
        beside = [images / name for name in LABEL_FOLDERS if (images / name).is_dir()]
        if (images / "images").is_dir() and beside:
            images, labels = images / "images", beside[0]
        else:
            labels = beside[0] if beside else images
    for folder in (images, Path(labels)):
        if not folder.is_dir():
            raise DatasetError(f"{folder}: no such folder; check the path.")
    return images, Path(labels)


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in MICROGRAPH_SUFFIXES and not path.name.startswith(".")
    )


def _by_stem(paths: list[Path], strip: bool = False) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in paths:
        stem = _LABEL_ENDING.sub("", path.stem) if strip else path.stem
        found.setdefault(stem, []).append(path)
    return found
