"""Previews of datasets and folders; read in worker threads, because NumPy and the readers are imported here."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.errors import DatasetError, TemRfError
from tem_rf_tui.wording import counted

if TYPE_CHECKING:
    from tem_rf.data.pairing import Pair, Problem
    from tem_rf_tui.painting import Picture

Reading = Callable[[str], object]


@dataclass(frozen=True)
class Preview:
    """A picture from a dataset or folder, and facts about it.

    Attributes:
        index: Index of the patch or micrograph, from 0.
        count: Number of patches or micrographs.
        title: What the picture shows.
        file: Name of the micrograph.
        picture: The picture; None if there is nothing to show.
        facts: Facts, one per line.
        problems: Problems, one per line.
        pixel_size_nm: Pixel size [nm], if known.
        patch_size: Side of a patch [px], for a dataset.
        image: The micrograph, for a folder.
        label: Its label; None: it has none.
        is_unlabelled: Whether none of the micrographs has a label.
    """

    index: int
    count: int
    title: str
    file: str
    picture: "Picture | None"
    facts: tuple[str, ...]
    problems: tuple[str, ...] = ()
    pixel_size_nm: float | None = None
    patch_size: int | None = None
    image: Path | None = None
    label: Path | None = None
    is_unlabelled: bool = False


def preview_dataset(folder: Path, index: int, reading: Reading = lambda name: None) -> Preview:
    """Return a patch of a prepared dataset with its label.

    Args:
        folder: The dataset.
        index: Index of the patch; it wraps around.
        reading: Called with a name before something is read.

    Raises:
        DatasetError: The dataset cannot be read.
    """
    import numpy as np

    from tem_rf.data.prepared import open_dataset
    from tem_rf.data.splits import SPLITS
    from tem_rf_tui.painting import Picture

    reading(folder.name)
    dataset = open_dataset(folder)
    manifest, count = dataset.manifest, len(dataset.patches)
    if not count:
        raise DatasetError(f"{folder}: has no patches; prepare it with a lower background threshold.")
    index %= count
    patch = dataset.patches[index]
    splits = [f"{split} {sum(each.split == split for each in dataset.patches)}" for split in SPLITS]
    size_nm = manifest.pixel_size_nm
    size = "unknown" if size_nm is None else f"{size_nm:g} nm"
    facts: tuple[str, ...] = (
        f"{counted(count, 'patch', 'patches')} of {manifest.patch_size} px, pixel size {size}",
        ", ".join(splits),
        f"{counted(len(manifest.sources), 'micrograph')}, particles "
        f"{np.mean([each.particle_fraction for each in dataset.patches]):.1%}",
    )
    facts += tuple(
        f"{name:10} {spark(getattr(manifest.intensity, name).histogram)}" for name in ("background", "particle")
    )
    leaks = sum(pair.is_leak for pair in manifest.near_duplicates)
    problems = (f"the same area in different splits: {counted(leaks, 'pair')} of micrographs",) if leaks else ()
    title = f"patch {index + 1}/{count} ({patch.split}), particles {patch.particle_fraction:.1%}"
    picture = Picture(np.array(dataset.images[index]), dataset.particles(index), size_nm)
    return Preview(index, count, title, patch.source, picture, facts, problems, size_nm, manifest.patch_size)


def preview_folder(folder: Path, index: int, reading: Reading = lambda name: None) -> Preview:
    """Return a micrograph of a folder with its label, if it has one, and files without a partner.

    Args:
        folder: The folder.
        index: Index of the micrograph; it wraps around.
        reading: Called with a name before something is read.

    Raises:
        TemRfError: The folder cannot be read. A file that cannot be read is a problem in the preview.
    """
    from tem_rf.data.pairing import pair_labels

    reading(folder.name)
    pairing = pair_labels(folder)
    labels = {pair.image: pair for pair in pairing.pairs}
    problems = _problem_texts(problem for problem in pairing.problems if problem.path not in pairing.unlabelled)
    if not labels and pairing.unlabelled:
        facts: tuple[str, ...] = (
            f"{counted(len(pairing.unlabelled), 'micrograph')} without labels",
            "press {data.segment} to segment them with a model, {data.edit} to label this one",
            "to train, label some of them here or in Fiji, QuPath or LabelMe, then prepare a dataset",
        )
        index %= len(pairing.unlabelled)
        shown = Preview(
            index, len(pairing.unlabelled), "", "", None, facts, problems,
            image=pairing.unlabelled[index], is_unlabelled=True,
        )  # fmt: skip
        return _with_picture(shown, None, reading)
    if not labels:
        return Preview(0, 0, "", "", None, ("no micrographs with a label",), problems)
    keys = "press {data.prepare} to prepare a dataset, {data.check} to check all files"
    facts = (f"{counted(len(labels), 'micrograph')} with a label", keys)
    images = sorted([*labels, *pairing.unlabelled])
    if pairing.unlabelled:
        facts = (f"{facts[0]}, {len(pairing.unlabelled)} without, which {{data.edit}} labels", facts[1])
    index %= len(images)
    pair = labels.get(images[index])
    shown = Preview(
        index, len(images), "", "", None, facts, problems, image=images[index], label=pair.label if pair else None
    )
    return _with_picture(shown, pair, reading)


def _problem_texts(problems: "Iterable[Problem]") -> tuple[str, ...]:
    return tuple(f"{problem.path.name}: {problem.reason}" for problem in problems)


def _with_picture(preview: Preview, pair: "Pair | None", reading: Reading) -> Preview:
    """Return a preview with its picture; a file that cannot be read is its first problem."""
    from tem_rf.data.readers import read_micrograph
    from tem_rf.data.sources import read_labelled
    from tem_rf_tui.painting import Picture

    assert preview.image is not None
    place, mask = f"{preview.index + 1}/{preview.count}", None
    reading(preview.image.name)
    try:
        if pair is None:
            micrograph = read_micrograph(preview.image)
        else:
            labelled = next(iter(read_labelled(pair, None)))
            micrograph, mask = labelled.micrograph, labelled.mask
    except (TemRfError, OSError) as error:
        next_one = "; press {data.next} for the next micrograph" if preview.count > 1 else ""
        problem = f"{place}, {error}".rstrip(".") + next_one
        return replace(preview, problems=(problem, *preview.problems), image=None, label=None)
    height, width = micrograph.pixels.shape
    size_nm = micrograph.pixel_size_nm
    return replace(
        preview,
        title=f"{place}, {width} x {height} px, " + ("no label" if mask is None else f"particles {mask.mean():.1%}"),
        file=preview.image.name,
        picture=Picture(micrograph.pixels, mask, size_nm),
        pixel_size_nm=size_nm,
    )


def preview_mask(image: Path, mask: Path, pixel_size_nm: float | None) -> "Picture":
    """Return a micrograph, or the first frame of a movie, with its predicted mask.

    Raises:
        ReadError: A file is missing or cannot be read.
    """
    from tem_rf.data.readers import read_frame
    from tem_rf_tui.painting import Picture

    return Picture(read_frame(image, 0)[0].pixels, read_frame(mask, 0)[0].pixels > 0, pixel_size_nm)


def spark(histogram: list[int], bins: int = 36) -> str:
    """Draw a histogram as a line of blocks, scaled to its highest bin.

    >>> spark([0, 1, 2, 4], bins=4)
    ' ▂▄█'
    """
    edges = [round(index * len(histogram) / bins) for index in range(bins + 1)]
    sums = [sum(histogram[first:last]) for first, last in itertools.pairwise(edges)]
    highest = max(*sums, 1)
    return "".join(" ▁▂▃▄▅▆▇█"[round(8 * each / highest)] for each in sums)
