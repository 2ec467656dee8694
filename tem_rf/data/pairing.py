"""Which label file belongs to which micrograph, by the stems of their names."""

import re
from dataclasses import dataclass
from pathlib import Path

from tem_rf.data.label_formats.coco import coco_stems
from tem_rf.data.label_formats.imagej_rois import ROI_SUFFIXES
from tem_rf.data.label_formats.masks import holds_masks, holds_micrographs, is_container
from tem_rf.data.readers import MICROGRAPH_SUFFIXES
from tem_rf.errors import DatasetError, ReadError
from tem_rf.files import readable

IMAGE_FOLDER = "images"
LABEL_FOLDERS = ("labels", "masks", "annotations")
_LABEL_ENDING = re.compile(r"[ _.-]?(labels?|masks?|maps?|seg|segmentation|gt|rois?|roiset)$", re.IGNORECASE)
_IMAGE_ENDING = re.compile(r"[ _.-]?(images?|img)$", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """A micrograph and the file that labels it; a COCO file labels many.

    Attributes:
        image: File of the micrograph.
        label: File of its label.
        folder: Name of the folder, which tells micrographs of several folders apart; empty for those of one.
    """

    image: Path
    label: Path
    folder: str = ""

    @property
    def name(self) -> str:
        """What the micrograph is called in a dataset."""
        return readable(f"{self.folder}-{self.image.name}" if self.folder else self.image.name)


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
        images: Folder of micrographs. Without `labels` it may hold the folders images/ and labels/ (or masks/,
            annotations/), or both kinds side by side: labels end in _mask, _label, ... or are ROI or COCO files.
        labels: Folder of labels, or one COCO file.

    Raises:
        DatasetError: A folder is missing, or there is no micrograph in it.
    """
    images, labels = _folders(Path(images), labels)
    found = _Files(images, labels)
    if not found.images:
        raise DatasetError(f"{images}: no micrographs; expected files ending in {' '.join(MICROGRAPH_SUFFIXES)}.")
    pairs, problems = [], found.problems
    for stem, (image, *others) in sorted(found.images.items()):
        partners = found.labels.get(stem, []) or ([image] if holds_masks(image) else [])
        problems += [Problem(other, f"has the same stem as {image.name}; rename or remove one") for other in others]
        if not partners:
            problems.append(Problem(image, f"has no label; expected one named {stem} in {labels}"))
        elif len(partners) > 1:
            names = " and ".join(partner.name for partner in partners)
            problems.append(Problem(image, f"has several labels, {names}; keep one of them"))
        elif not others:
            pairs.append(Pair(image, partners[0]))
    for stem in sorted(found.labels.keys() - found.images.keys()):
        reason = f"labels {stem}, of which there is no micrograph in {images}"
        problems += [Problem(label, reason) for label in found.labels[stem]]
    return Pairing(tuple(pairs), tuple(problems))


def micrographs_in(folder: Path) -> list[Path]:
    """The micrographs of a folder, or of images/ inside it, by name.

    Hidden files are left out, and so is a mask that lies beside its micrograph.

    Raises:
        ReadError: There are none.
    """
    place = folder / IMAGE_FOLDER if (folder / IMAGE_FOLDER).is_dir() else folder
    files = [path for path in _visible(place) if _is_micrograph(path)]
    stems = {path.stem for path in files}
    micrographs = [path for path in files if not _labels_one_of(stems, path.stem)]
    if not micrographs:
        raise ReadError(f"{place}: no micrographs; expected files ending in {' '.join(sorted(MICROGRAPH_SUFFIXES))}.")
    return micrographs


def _labels_one_of(stems: set[str], stem: str) -> bool:
    bare = _LABEL_ENDING.sub("", stem)
    return bare != stem and bare in stems


def _folders(images: Path, labels: Path | None) -> tuple[Path, Path]:
    if not images.is_dir():
        raise DatasetError(f"{images}: no such folder; check the path.")
    if labels is None:
        beside = [images / name for name in LABEL_FOLDERS if (images / name).is_dir()]
        labels = beside[0] if beside else images
        images = images / IMAGE_FOLDER if (images / IMAGE_FOLDER).is_dir() else images
    if not Path(labels).exists():
        raise DatasetError(f"{labels}: no such folder; check the path.")
    return images, Path(labels)


class _Files:
    """Micrographs by stem, and labels by the stem of the micrograph they mark."""

    def __init__(self, images: Path, labels: Path) -> None:
        self.images: dict[str, list[Path]] = {}
        self.labels: dict[str, list[Path]] = {}
        self.problems: list[Problem] = []
        side_by_side = images == labels
        for path in _visible(images):
            if _is_micrograph(path) and not (side_by_side and _looks_like_label(path)):
                self.images.setdefault(path.stem, []).append(path)
        # au_image.tif answers to au as well, for au_label.tif
        self._bare_stems = {_IMAGE_ENDING.sub("", stem): stem for stem in self.images}
        for path in _visible(labels):
            if path.suffix.lower() == ".json":
                self._add_coco(path)
            elif path.suffix.lower() in ROI_SUFFIXES or (
                _is_micrograph(path) and (not side_by_side or _looks_like_label(path))
            ):
                self._add_label(path.stem, path)
        self._pair_lone_containers()

    def _add_label(self, stem: str, path: Path) -> None:
        bare = _LABEL_ENDING.sub("", stem)
        known = next((name for name in (stem, bare) if name in self.images), self._bare_stems.get(bare, bare))
        self.labels.setdefault(known, []).append(path)

    def _add_coco(self, path: Path) -> None:
        try:
            for stem in coco_stems(path):
                self._add_label(stem, path)
        except ReadError as error:
            self.problems.append(Problem(path, str(error).removeprefix(f"{path}: ")))

    def _pair_lone_containers(self) -> None:
        """The published sets are one file of images and one of labels; their names differ in more than an ending."""
        files = [path for paths in (*self.images.values(), *self.labels.values()) for path in paths]
        if len(self.images) == len(self.labels) == 1 and len(files) == 2 and all(map(is_container, files)):
            self.labels = dict(zip(self.images, self.labels.values(), strict=True))


def _looks_like_label(path: Path) -> bool:
    return bool(_LABEL_ENDING.search(path.stem)) or (holds_masks(path) and not holds_micrographs(path))


def _visible(place: Path) -> list[Path]:
    paths = sorted(place.iterdir()) if place.is_dir() else [place]
    return [path for path in paths if not path.name.startswith(".")]


def _is_micrograph(path: Path) -> bool:
    """An EMI file whose pixels stand in a SER file beside it is left out: the SER file is read."""
    suffix = path.suffix.lower()
    is_second_half = suffix == ".emi" and path.with_name(f"{path.stem}_1.ser").exists()
    return suffix in MICROGRAPH_SUFFIXES and not is_second_half
