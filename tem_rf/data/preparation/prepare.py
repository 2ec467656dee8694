"""Prepare a dataset: convert a folder of labelled micrographs to a folder of patches."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from tem_rf.config.preparation import PreparationSettings
from tem_rf.data.intensity import IntensitySums
from tem_rf.data.manifest import Manifest, Source
from tem_rf.data.pairing import Pair
from tem_rf.data.pixel_size import is_same_scale
from tem_rf.data.preparation.cut import Cut, cut_files
from tem_rf.data.preparation.division import describe_overlaps, divide
from tem_rf.data.preparation.growing_stack import GrowingStack
from tem_rf.data.preparation.near_duplicates import Fingerprint, find_overlaps
from tem_rf.data.prepared import (
    IMAGES_FILE,
    INSTANCES_FILE,
    LABELS_FILE,
    MANIFEST_FILE,
    Patch,
    PreparedDataset,
    open_dataset,
    write_tables,
)
from tem_rf.data.sources import find_pairs_in_folders, sha256
from tem_rf.errors import DatasetError
from tem_rf.files import replacing_folder

Progress = Callable[[int, int], None]


def prepare_dataset(
    images: Path | Sequence[Path],
    output: Path,
    *,
    labels: Path | None = None,
    settings: PreparationSettings,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PreparedDataset:
    """Write a dataset folder, with one micrograph in memory at a time.

    Args:
        images: Folder of micrographs, or of images/ and labels/; or several, whose names then prefix the micrographs.
        output: Dataset folder to write. An existing dataset is kept if preparing again would give the same result.
        labels: Folder of labels.
        settings: Settings of the preparation.
        overwrite: Overwrite an existing dataset.
        progress: Called with the number of files done and the total.

    Raises:
        ReadError: A file cannot be read.
        DatasetError: Files do not pair or match, or the output is a different dataset.
        SettingsError: A setting is not suitable for the micrographs.
        StorageError: The output cannot be written.
    """
    output = Path(output)
    pairs = find_pairs_in_folders([images] if isinstance(images, Path) else images, labels, settings)
    if _stands(output) and not overwrite:
        return _reuse(output, pairs, settings)
    with replacing_folder(output) as folder:
        _write(folder, output.name, pairs, settings, progress or (lambda done, number: None))
    return open_dataset(output)


def _stands(output: Path) -> bool:
    """Whether the output is an existing dataset. Anything else is not touched, except an empty folder."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return False
    if not (output / MANIFEST_FILE).is_file():
        raise DatasetError(f"{output}: exists and is not a dataset; choose another `output`.")
    return True


def _write(folder: Path, name: str, pairs: tuple[Pair, ...], settings: PreparationSettings, progress: Progress) -> None:
    sources: list[Source] = []
    patches: list[Patch] = []
    sizes: list[float | None] = []
    fingerprints: list[Fingerprint] = []
    intensity = IntensitySums(settings.normalization)
    has_instances = False
    with (
        GrowingStack(folder / IMAGES_FILE) as images,
        GrowingStack(folder / LABELS_FILE) as labels,
        GrowingStack(folder / INSTANCES_FILE) as instances,
    ):
        for cut in _one_ahead(_cut_all(pairs, settings, progress)):
            sizes.append(_agreed_pixel_size(cut, sizes))
            sources.append(cut.source)
            fingerprints.append(cut.fingerprint)
            has_instances |= cut.has_instances
            for piece in cut.pieces:
                images.append(piece.image, sizes[0])
                labels.append(piece.label, sizes[0])
                instances.append(piece.instances, sizes[0])
                intensity.add(piece.image, piece.label)
                fraction = piece.particle_px / max(1, settings.patch_size**2 - piece.unsure_px)
                patches.append(Patch(cut.source.name, piece.y_px, piece.x_px, "train", fraction))
        if not patches:
            raise DatasetError(
                f"{pairs[0].image.parent}: no patch of {settings.patch_size} px has more than "
                f"{settings.background_threshold} particle pixels; lower `background_threshold`."
            )
    if not has_instances:
        (folder / INSTANCES_FILE).unlink()
    if not any(source.particle_fraction for source in sources):
        raise DatasetError(f"{pairs[0].image.parent}: no micrograph has particles; add some that do.")
    overlaps = find_overlaps(fingerprints, combinations(range(len(sources)), 2))
    sources, patches = divide(sources, patches, overlaps, settings)
    manifest = Manifest(
        name=name,
        pixel_size_nm=sizes[0],
        patch_size=settings.patch_size,
        settings=settings,
        sources=tuple(sources),
        intensity=intensity.result(),
        near_duplicates=describe_overlaps(overlaps, sources),
    )
    write_tables(folder, manifest, patches)


def _cut_all(pairs: tuple[Pair, ...], settings: PreparationSettings, progress: Progress) -> Iterator[Cut]:
    for done, pair in enumerate(pairs):
        progress(done, len(pairs))
        yield from cut_files(pair, settings)
    progress(len(pairs), len(pairs))


def _one_ahead(cuts: Iterator[Cut]) -> Iterator[Cut]:
    """Cut the next micrograph in a thread while this one is written."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        upcoming = pool.submit(next, cuts, None)
        while (cut := upcoming.result()) is not None:
            upcoming = pool.submit(next, cuts, None)
            yield cut


def _agreed_pixel_size(cut: Cut, sizes: list[float | None]) -> float | None:
    """The pixel size of a micrograph, which must agree with that of the others."""
    first, own = (sizes or [cut.pixel_size_nm])[0], cut.pixel_size_nm
    if not is_same_scale(own, first):
        raise DatasetError(
            f"{cut.source.name}: its pixel size is {_size(own)}, that of the micrographs before it {_size(first)}; "
            "give `pixel_size_nm` for all, or rescale them with `target_pixel_size_nm`."
        )
    return first


def _size(pixel_size_nm: float | None) -> str:
    return "not known" if pixel_size_nm is None else f"{pixel_size_nm:.5g} nm"


def _reuse(output: Path, pairs: tuple[Pair, ...], settings: PreparationSettings) -> PreparedDataset:
    """Open an existing dataset, if preparing again would give the same result."""
    dataset = open_dataset(output)
    difference = _difference(dataset.manifest, pairs, settings)
    if difference:
        raise DatasetError(
            f"{output}: exists and was prepared differently ({difference}); choose another `output`, or overwrite it "
            "with `overwrite`."
        )
    return replace(dataset, reused=True)


def _difference(manifest: Manifest, pairs: tuple[Pair, ...], settings: PreparationSettings) -> str:
    """The first difference, or an empty text."""
    for field, value in settings.model_dump(mode="json").items():
        before = manifest.settings.model_dump(mode="json")[field]
        if before != value:
            return f"{field} {before}, now {value}"
    before_files = {(source.sha256, source.label_sha256) for source in manifest.sources}
    now_files = {(sha256(pair.image), sha256(pair.label)) for pair in pairs}
    return "" if before_files == now_files else "from other micrographs or labels"
