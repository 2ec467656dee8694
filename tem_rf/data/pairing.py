"""Pair label files with micrographs, by name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tem_rf.config.reading import AS_IT_IS, ReadingSettings
from tem_rf.data.formats.ser import series_of
from tem_rf.data.label_formats.imagej_rois import ROI_SUFFIXES
from tem_rf.data.label_formats.json_labels import JSON_SUFFIXES, labelled_stems
from tem_rf.data.label_formats.masks import holds_masks, holds_micrographs, is_container
from tem_rf.data.names import (
    MicrographNames,
    is_by_product,
    journal_of,
    label_candidates,
    looks_like_label,
    same_name,
    stem_of,
)
from tem_rf.data.readers import MICROGRAPH_SUFFIXES
from tem_rf.errors import DatasetError, ReadError
from tem_rf.files import no_folder, readable

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "raw", "micrographs", "jpegimages")
LABEL_FOLDERS = (
    *("labels", "masks", "annotations", "label", "mask", "annotation", "segmentations", "segmentation", "seg"),
    *("ground_truth", "groundtruth", "gt", "rois", "roi", "segmentationclass", "segmentationobject"),
)
# Common label files beside micrographs that are not supported.
_OTHER_LABELS = {
    ".xml": "CVAT's or VOC's XML",
    ".txt": "a text file, as YOLO has",
    ".ndjson": "LabelBox's NDJSON",
    ".csv": "a table",
    ".svg": "a drawing",
    ".mat": "a MATLAB file",
    ".xcf": "a GIMP file",
    ".psd": "a Photoshop file",
    ".gz": "a compressed file",
}
_NEAR = 0.6  # similarity of two names, as measured by difflib


@dataclass(frozen=True)
class Pair:
    """A micrograph and its label file; a COCO file labels several micrographs.

    Attributes:
        image: File of the micrograph.
        label: File of its label.
        folder: Name of the folder, to distinguish micrographs of several folders; empty for a single folder.
    """

    image: Path
    label: Path
    folder: str = ""

    @property
    def name(self) -> str:
        """Name of the micrograph in a dataset."""
        return readable(f"{self.folder}-{self.image.name}" if self.folder else self.image.name)


_NO_LABEL = "has no label"


@dataclass(frozen=True)
class Problem:
    """A file that is not used, and the reason."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Pairing:
    """The pairs in a folder, sorted by name, and the files without a partner."""

    pairs: tuple[Pair, ...]
    problems: tuple[Problem, ...]

    @property
    def unlabelled(self) -> tuple[Path, ...]:
        """Micrographs for which there is no label."""
        return tuple(problem.path for problem in self.problems if problem.reason.startswith(_NO_LABEL))


def pair_labels(images: Path, labels: Path | None = None, reading: ReadingSettings = AS_IT_IS) -> Pairing:
    """Pair micrographs with labels by their names.

    Args:
        images: Folder of micrographs. Without `labels` it may contain the folders images/ and labels/ (or masks/,
            annotations/), have such a folder beside it, or contain both kinds side by side: labels end in _mask,
            _label, ... or are ROI or JSON files.
        labels: Folder of labels, or one COCO file.
        reading: The pattern of label names, if the usual endings do not match.

    Raises:
        DatasetError: A folder is missing, or contains no micrograph.
    """
    images, labels = _folders(Path(images), labels)
    found = _Files(images, labels, reading.pair)
    if not found.images:
        raise DatasetError(f"{images}: no micrographs; expected files ending in {' '.join(MICROGRAPH_SUFFIXES)}.")
    pairs, problems = [], found.problems
    for stem, (image, *others) in sorted(found.images.items()):
        partners = found.labels.get(stem, []) or ([image] if holds_masks(image) else [])
        corrected = [partner for partner in partners if journal_of(partner).exists()]
        partners = corrected if len(corrected) == 1 else partners  # the other is what was corrected
        problems += [Problem(other, f"has the same stem as {image.name}; rename or remove one") for other in others]
        if not partners:
            problems.append(
                Problem(image, f"{_NO_LABEL}; expected one named {stem} in {labels}{found.near_miss(stem)}")
            )
        elif len(partners) > 1:
            names = " and ".join(partner.name for partner in partners)
            problems.append(Problem(image, f"has several labels, {names}; keep one of them"))
        elif not others:
            pairs.append(Pair(image, partners[0]))
    for stem in sorted(found.labels.keys() - found.images.keys()):
        reason = f"labels {stem}, but there is no such micrograph in {images}{found.near_image(stem)}"
        problems += [Problem(label, reason) for label in found.labels[stem]]
    return Pairing(tuple(pairs), tuple(problems))


def micrographs_at(path: Path) -> list[Path]:
    """The micrographs in a folder, the series of an EMI file that has several, or the file itself.

    Raises:
        ReadError: A folder contains none.
    """
    if path.is_dir() and path.suffix.lower() not in MICROGRAPH_SUFFIXES:
        return micrographs_in(path)
    series = series_of(path) if path.suffix.lower() == ".emi" else []
    return series if len(series) > 1 else [path]


def micrographs_in(folder: Path) -> list[Path]:
    """The micrographs in a folder, or in its folder images/, sorted by name.

    Hidden files and masks beside their micrographs are left out.

    Raises:
        ReadError: There are none.
    """
    micrographs = micrographs_so_far(folder)
    if not micrographs:
        place = _folder_called(folder, IMAGE_FOLDERS[:1]) or folder
        raise ReadError(f"{place}: no micrographs; expected files ending in {' '.join(sorted(MICROGRAPH_SUFFIXES))}.")
    return micrographs


def micrographs_so_far(folder: Path) -> list[Path]:
    """The same, for a folder that may still be empty."""
    place = _folder_called(folder, IMAGE_FOLDERS[:1]) or folder
    files = [path for path in _visible(place) if _is_micrograph(path)]
    names = MicrographNames(stem_of(path) for path in files)
    return [path for path in files if not _belongs_to_another(path, names)]


def _belongs_to_another(path: Path, names: MicrographNames) -> bool:
    """Whether a file is named like the label, or another product, of a file beside it."""
    stem = stem_of(path)
    others = [candidate for candidate in label_candidates(stem) if same_name(candidate) != same_name(stem)]
    return (looks_like_label(stem) or is_by_product(stem)) and names.find(others) not in (None, stem)


def _folders(images: Path, labels: Path | None) -> tuple[Path, Path]:
    if not images.is_dir():
        raise DatasetError(no_folder(images, "a folder of micrographs"))
    if labels is None:
        inner = _folder_called(images, IMAGE_FOLDERS)
        if inner and _has_micrographs(images) and not _has_micrographs(inner):  # such as micrographs/images/
            inner = None
        labels = _folder_called(images, LABEL_FOLDERS) or (inner and _folder_called(inner, LABEL_FOLDERS))
        if labels is None and inner is None:
            labels = _folder_beside(images)
        images, labels = inner or images, labels or images
    if not Path(labels).exists():
        raise DatasetError(f"{labels}: no such folder; check the path.")
    return images, Path(labels)


def _has_micrographs(folder: Path) -> bool:
    return any(path.name.lower().endswith(MICROGRAPH_SUFFIXES) for path in _visible(folder))


def _folder_called(place: Path, names: tuple[str, ...]) -> Path | None:
    """The folder with the first of some names in a location, ignoring case."""
    folders = {path.name.casefold(): path for path in sorted(place.iterdir()) if path.is_dir()}
    return next((folders[name] for name in names if name in folders), None)


def _folder_beside(images: Path) -> Path | None:
    """A folder of labels beside a folder of micrographs that contains none itself."""
    files = _visible(images)
    if any(path.suffix.lower() in (*ROI_SUFFIXES, *JSON_SUFFIXES) or looks_like_label(stem_of(path)) for path in files):
        return None
    if any(is_container(path) and holds_masks(path) for path in files):
        return None
    name = images.resolve().name.casefold()
    for image_word in IMAGE_FOLDERS:
        if image_word in name.replace("-", "_").split("_"):
            wanted = tuple(name.replace(image_word, word) for word in LABEL_FOLDERS)
            return _folder_called(images.resolve().parent, wanted)
    return _folder_called(images.resolve().parent, tuple(f"{name}_{word}" for word in LABEL_FOLDERS))


class _Files:
    """Micrographs by stem, and labels by the stem of their micrograph."""

    def __init__(self, images: Path, labels: Path, pattern: str | None) -> None:
        self.images: dict[str, list[Path]] = {}
        self.labels: dict[str, list[Path]] = {}
        self.problems: list[Problem] = []
        self._pattern = pattern and _compiled(pattern)
        side_by_side = images == labels
        files = _visible(images)
        every = MicrographNames(stem_of(path) for path in files if _is_micrograph(path))
        for path in files:
            if _is_micrograph(path) and not (side_by_side and self._is_label(path, every)):
                self.images.setdefault(stem_of(path), []).append(path)
        self._names = MicrographNames(self.images)
        self._unread: list[Path] = []
        for path in _visible(labels):
            self._add(path, side_by_side, every)
        self._leave_out_unreadable()
        self._leave_out_copies()
        self._pair_lone_containers()

    def near_miss(self, stem: str) -> str:
        """A file that may be the intended label of a micrograph, as text for the error; empty if none is similar."""
        unread = [path for path in self._unread if same_name(stem) in map(same_name, label_candidates(stem_of(path)))]
        if unread:
            return f" ({unread[0].name} is {_OTHER_LABELS[unread[0].suffix.lower()]}, which is not read: export COCO)"
        lone = {
            _like(label.stem): label for key in self.labels.keys() - self.images.keys() for label in self.labels[key]
        }
        close = _closest(_like(stem), lone)
        if close is None:
            return ""
        return f"; did you mean {lone[close].name}? Rename it, or give the pattern of the names with `pair`"

    def near_image(self, stem: str) -> str:
        """The micrograph that a label may be intended for, as text for the error."""
        lone = {_like(name): paths[0] for name, paths in self.images.items() if name not in self.labels}
        close = _closest(_like(stem), lone)
        return "" if close is None else f"; did you mean {lone[close].name}?"

    def _is_label(self, path: Path, every: MicrographNames) -> bool:
        """Whether a file beside micrographs is a label, or another product of a program."""
        if self._pattern:
            return self._pattern.fullmatch(path.name) is not None
        stem = stem_of(path)
        by_name = looks_like_label(stem) or (is_by_product(stem) and _belongs_to_another(path, every))
        return by_name or (holds_masks(path) and not holds_micrographs(path))

    def _add(self, path: Path, side_by_side: bool, every: MicrographNames) -> None:
        suffix = path.suffix.lower()
        match = self._pattern.fullmatch(path.name) if self._pattern else None
        if is_by_product(stem_of(path)) and _belongs_to_another(path, every):
            return
        if suffix in JSON_SUFFIXES:
            self._add_json(path)
        elif match:
            self._add_label([match["name"]], path)
        elif suffix in ROI_SUFFIXES or (_is_micrograph(path) and (not side_by_side or self._is_label(path, every))):
            self._add_label([stem_of(path), path.stem], path)
        elif suffix in _OTHER_LABELS:
            self._unread.append(path)

    def _add_label(self, stems: list[str], path: Path) -> None:
        candidates = [candidate for stem in stems for candidate in label_candidates(stem)]
        known = self._names.find(candidates)
        partners = self.labels.setdefault(known or label_candidates(stems[0])[-1], [])
        partners += [path] if path not in partners else []

    def _add_json(self, path: Path) -> None:
        try:
            for stems in labelled_stems(path):
                self._add_label(list(stems) or [path.stem], path)
        except ReadError as error:
            self.problems.append(Problem(path, str(error).removeprefix(f"{path}: ")))

    def _leave_out_unreadable(self) -> None:
        """Ignore Cellpose's _seg.npy, which can run code and is not read, if there are other labels."""
        for stem, paths in self.labels.items():
            others = [path for path in paths if not path.name.lower().endswith("_seg.npy")]
            if others:
                self.labels[stem] = others

    def _leave_out_copies(self) -> None:
        """Use one of the files of the same particles that `segment` writes: the numbered ones, or a corrected mask."""
        for stem, paths in self.labels.items():
            masks = [path for path in paths if path.name.endswith("_mask.tif")]
            if len(paths) == 1 or len(masks) != 1:
                continue
            written, numbered = (
                masks[0].with_name(masks[0].name.replace("_mask.tif", ending))
                for ending in ("_segmented.json", "_instances.tif")
            )
            if written.exists():
                # `segment` writes the mask first, so a newer one was corrected in another program.
                is_numbered = numbered in paths and numbered.stat().st_mtime_ns >= masks[0].stat().st_mtime_ns
                self.labels[stem] = [numbered] if is_numbered else masks

    def _pair_lone_containers(self) -> None:
        """Pair the two files of the published sets, images and labels, whose names differ in more than an ending."""
        files = [path for paths in (*self.images.values(), *self.labels.values()) for path in paths]
        if len(self.images) == len(self.labels) == 1 and len(files) == 2 and all(map(is_container, files)):
            self.labels = dict(zip(self.images, self.labels.values(), strict=True))


def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of names, with or without a suffix: {name} and the wildcards * and ?."""
    signs = {"*": ".*?", "?": ".", "{name}": "(?P<name>.+?)"}
    parts = re.split(r"(\{name\}|\*|\?)", pattern)
    seen: set[str] = set()
    text = ""
    for part in parts:
        text += "(?P=name)" if part == "{name}" and part in seen else signs.get(part, re.escape(part))
        seen.add(part)
    has_suffix = pattern.rpartition("}")[2].rpartition(".")[2].lower() in (
        suffix[1:] for suffix in (*MICROGRAPH_SUFFIXES, *ROI_SUFFIXES, *JSON_SUFFIXES)
    )
    return re.compile(text if has_suffix or pattern.endswith("*") else text + r"(\.[^.]+)+", re.IGNORECASE)


def _closest(name: str, others: Iterable[str]) -> str | None:
    """The name that contains this one, or is contained in it, as a word, or else the most similar; None if none is."""
    within = [other for other in others if _is_word_of(name, other) or _is_word_of(other, name)]
    return next(iter(within or get_close_matches(name, others, n=1, cutoff=_NEAR)), None)


def _is_word_of(part: str, whole: str) -> bool:
    return re.search(rf"(?<![^\W_]){re.escape(part)}(?![^\W_])", whole) is not None


def _like(name: str) -> str:
    """A name without parts added by programs, for comparison."""
    return same_name(label_candidates(name)[-1])


def _visible(place: Path) -> list[Path]:
    paths = sorted(place.iterdir()) if place.is_dir() else [place]
    return [path for path in paths if not path.name.startswith(".")]


def _is_micrograph(path: Path) -> bool:
    """Leave out an EMI file whose pixels are in SER files beside it, since these are read."""
    suffix = path.suffix.lower()
    is_second_half = suffix == ".emi" and bool(series_of(path))
    return suffix in MICROGRAPH_SUFFIXES and not is_second_half
