"""Match the names of files of one micrograph, with or without parts added by other programs."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from tem_rf.data.formats.dispatch import MICROGRAPH_SUFFIXES

# Before the last suffix: au.ome.tif is au, like au.tif.
_DOUBLE_SUFFIXES = (".ome", ".roi", ".labels")
# Roboflow renames au_17.png to au_17_png.rf.0123456789abcdef.jpg
_ROBOFLOW = re.compile(r"(?P<name>.+)_(tiff?|png|jpe?g|bmp|webp)\.rf\.[0-9A-Za-z]{8,}$", re.IGNORECASE)
_LABEL_STUDIO = re.compile(r"^[0-9a-f]{8}-")
# The second alternative requires a separator before the word, since other names end with it, too.
_LABEL_ENDING = re.compile(
    r"([ _.-]*(cp_masks?|labels?|masks?|maps?|seg|segmentations?|gt|rois?|roiset)"
    r"|[ _.-]+(simple segmentation|object (predictions|identities)|probabilities|segmented|annotations?|annotated|"
    r"instances?|instance_?ids|label_?ids|binary|bw|ground[ _-]?truth|truth|manual|predictions?|pred))"
    r"([ _-]?\(?\d{1,2}\)?)?$",
    re.IGNORECASE,
)
_LABEL_BEGINNING = re.compile(
    r"^(labels?|masks?|seg(mentation)?s?|gt|roiset|rois?|classified( image)?|annotations?)( of |[ _.-]+)", re.IGNORECASE
)
_IMAGE_ENDING = re.compile(r"[ _.-]?(images?|img|raw)$", re.IGNORECASE)
# Written beside masks by Cellpose and this project.
_BY_PRODUCT = re.compile(r"[ _-](flows|(cp_)?outlines?|overlay|numbered|sizes|segmented)$", re.IGNORECASE)
_MOST_STEPS = 4
_SUFFIX_WITHIN = re.compile(rf"({'|'.join(map(re.escape, MICROGRAPH_SUFFIXES))})$", re.IGNORECASE)


def journal_of(label: Path) -> Path:
    """Return the file in which the label editor keeps its steps: hidden, beside the label.

    >>> journal_of(Path("au_17_labels.tif")).name
    '.au_17_labels.tif.steps'
    """
    return label.with_name(f".{label.name}.steps")


def stem_of(path: Path) -> str:
    """Name of a file without its suffixes.

    >>> stem_of(Path("au 17.ome.tif")), stem_of(Path("au.17.tif"))
    ('au 17', 'au.17')
    """
    stem = path.stem
    for suffix in _DOUBLE_SUFFIXES:
        if stem.lower().endswith(suffix) and len(stem) > len(suffix):
            return stem[: -len(suffix)]
    return stem


def stems_of(path: Path) -> tuple[str, ...]:
    """Names under which a file may be known, the most likely first.

    >>> stems_of(Path("au_17_png.rf.0123456789abcdef.jpg"))
    ('au_17_png.rf.0123456789abcdef', 'au_17')
    """
    stem = stem_of(path)
    return tuple(dict.fromkeys([stem, path.stem, *original_stems(stem)]))


def original_stems(stem: str) -> list[str]:
    """The name before an exporter changed it; empty if there is no sign of a change.

    >>> original_stems("1f2e3d4c-au"), original_stems("au.tif")
    (['au'], ['au'])
    """
    roboflow = _ROBOFLOW.match(stem)
    found = [roboflow["name"]] if roboflow else []
    for pattern in (_LABEL_STUDIO, _SUFFIX_WITHIN):
        bare = pattern.sub("", stem)
        found += [bare] if bare and bare != stem else []
    return found


def same_name(stem: str) -> str:
    r"""Normalize a name for comparison: ignore case and the encoding of accented letters.

    >>> same_name("Au") == same_name("au"), same_name("\u00e9") == same_name("e\u0301")
    (True, True)
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold())


def looks_like_label(stem: str) -> bool:
    """Whether a name ends or begins like the name of a label.

    >>> looks_like_label("au_cp_masks"), looks_like_label("Mask of au"), looks_like_label("au")
    (True, True, False)
    """
    return bool(_LABEL_ENDING.search(stem) or _LABEL_BEGINNING.search(stem))


def is_by_product(stem: str) -> bool:
    """Whether a name is that of an image that programs write beside a mask."""
    return bool(_BY_PRODUCT.search(stem))


def label_candidates(stem: str) -> list[str]:
    """Possible micrograph names for a label: its own name, and that without added parts, removed step by step.

    >>> label_candidates("Au_17.tif_cp_masks")
    ['Au_17.tif_cp_masks', 'Au_17.tif', 'Au_17']
    """
    found, latest = [stem], [stem]
    for _ in range(_MOST_STEPS):
        following = []
        for name in latest:
            following += [pattern.sub("", name) for pattern in (_LABEL_ENDING, _LABEL_BEGINNING, _BY_PRODUCT)]
            following += original_stems(name)
        latest = [name for name in dict.fromkeys(following) if name and name not in found]
        found += latest
    return found


class MicrographNames:
    """Finds the micrograph that matches one of several names.

    Args:
        stems: Names of the micrographs, without suffixes.
    """

    def __init__(self, stems: Iterable[str]) -> None:
        self._stems = set(stems)
        self._alike = _unique((same_name(stem), stem) for stem in self._stems)
        # au_image.tif also matches au, for au_label.tif
        self._bare = _unique(
            (same_name(bare), stem)
            for stem in self._stems
            for bare in (_IMAGE_ENDING.sub("", stem), *original_stems(stem))
        )

    def has(self, stem: str) -> bool:
        """Whether a micrograph has this name."""
        return stem in self._stems or same_name(stem) in self._alike

    def find(self, candidates: Sequence[str]) -> str | None:
        """The micrograph with one of the names: exactly, except for case and accents, or except for an ending."""
        exact = next((name for name in candidates if name in self._stems), None)
        if exact is not None:
            return exact
        for table in (self._alike, self._bare):
            found = next((table[same_name(name)] for name in candidates if same_name(name) in table), None)
            if found is None:
                found = next((table[bare] for name in candidates if (bare := self._bare_name(name)) in table), None)
            if found is not None:
                return found
        return None

    def _bare_name(self, name: str) -> str:
        return same_name(_IMAGE_ENDING.sub("", name))


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Convert to a dictionary, without ambiguous keys."""
    table: dict[str, set[str]] = {}
    for key, value in pairs:
        table.setdefault(key, set()).add(value)
    return {key: next(iter(values)) for key, values in table.items() if len(values) == 1}
