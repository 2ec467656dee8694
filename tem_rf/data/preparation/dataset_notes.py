"""Notes on a dataset to read before training on it."""

from tem_rf.data.manifest import Manifest
from tem_rf.data.sources import marking_notes
from tem_rf.data.variety import coverage_notes

_MAX_PAIRS_NAMED = 10


def dataset_notes(manifest: Manifest) -> list[str]:
    """List what was left out, changed or not found, and what leaks between the splits, one line each."""
    coverages = [(one.name, one.particle_fraction, split) for one in manifest.sources for split in one.splits]
    return [*_patch_notes(manifest), *_image_notes(manifest), *coverage_notes(coverages), *_leak_notes(manifest)]


def _patch_notes(manifest: Manifest) -> list[str]:
    sources = manifest.sources
    kept, dropped = sum(source.patches for source in sources), sum(source.dropped_patches for source in sources)
    notes = [f"{kept} patches of {manifest.patch_size} px kept, {dropped} dropped with too few particle pixels"]
    left_out = sum(source.left_out_px for source in sources)
    all_px = sum(source.height * source.width for source in sources)
    if left_out:
        notes.append(f"{left_out / all_px:.1%} of the pixels, at the right and bottom, fill no patch and were left out")
    particle_px = sum(source.particle_fraction * source.height * source.width for source in sources)
    return [*notes, *marking_notes(particle_px, all_px, (note for source in sources for note in source.notes))]


def _image_notes(manifest: Manifest) -> list[str]:
    sources, notes = manifest.sources, []
    outliers = sum(source.outliers_replaced for source in sources)
    if outliers:
        notes.append(f"{outliers} x-ray outliers replaced")
    if manifest.settings.xray_threshold is not None and all(source.xray_threshold is None for source in sources):
        notes.append("x-ray outliers were not searched: the images are not counts (8 bits, or values around zero)")
    if manifest.pixel_size_nm is None:
        notes.append("pixel size not known; lengths are in px only (give `pixel_size_nm`)")
    for note in dict.fromkeys(note for source in sources for note in source.notes):
        concerned = [source.name for source in sources if note in source.notes]
        others = f" and {len(concerned) - 1} more" if len(concerned) > 1 else ""
        notes.append(f"{concerned[0]}{others}: {note}")
    return notes


def _leak_notes(manifest: Manifest) -> list[str]:
    notes = []
    divided = sum(len(source.splits) > 1 for source in manifest.sources)
    if divided:
        notes.append(
            f"patches in several splits, as in the study, so scores are slightly too high: {divided} micrographs"
        )
    together = {name for pair in manifest.near_duplicates if not pair.is_leak for name in (pair.one, pair.other)}
    if together:
        notes.append(f"{len(together)} micrographs share areas with others and were kept in one split with them")
    leaks = [pair for pair in manifest.near_duplicates if pair.is_leak]
    if leaks:
        notes.append(
            f"micrographs of the same area in different splits: {len(leaks)} pairs; scores will be too high, "
            "leave out one of each pair"
        )
    splits = {source.name: " and ".join(source.splits) for source in manifest.sources}
    notes += [
        f"  {pair.one} ({splits[pair.one]}) and {pair.other} ({splits[pair.other]}): {pair.overlap:.0%} in common"
        for pair in leaks[:_MAX_PAIRS_NAMED]
    ]
    if len(leaks) > _MAX_PAIRS_NAMED:
        notes.append(f"  and {len(leaks) - _MAX_PAIRS_NAMED} more pairs, see dataset.json")
    return notes
