"""Try a network under many conditions, and record where its masks can be trusted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.pixels import resample_mask
from tem_rf.data.sources import find_pairs, read_labelled
from tem_rf.errors import DatasetError, ReadError
from tem_rf.inference.model import Segmenter
from tem_rf.inference.predict import segment_by_ensemble
from tem_rf.metrics.dice import hard_dice
from tem_rf.trust.conditions import (
    DEFOCUS_FACTORS,
    DOSE_FACTORS,
    EXPOSURES,
    GRID,
    PIXEL_SIZE_FACTORS,
    SIZES,
    Condition,
    foreign_conditions,
    held_out_conditions,
    map_conditions,
    random_conditions,
    with_inverted,
)
from tem_rf.trust.degraded import BLUR_WIDTHS_PX, NOISE_FACTORS, Labelled, degraded_conditions, degraded_map
from tem_rf.trust.fit import Tried, fit_record
from tem_rf.trust.record import DiceMap, TrustRecord

Progress = Callable[[str], None]
_HELD_OUT_SEED = 500_000  # no other seed is used for images that the expected dice is fitted to
_FOREIGN = 300
_MAPPED = 8  # specimens of the map at most


def try_on_presets(
    segmenter: Segmenter, presets: Sequence[str], *, specimens: int, seed: int, on_step: Progress
) -> TrustRecord:
    """Try a network on simulated micrographs.

    Args:
        segmenter: The network.
        presets: Presets that are like its training.
        specimens: Number of specimens, each taken under several doses and defoci; a third as many are held out.
        seed: Seed of everything that is random.
        on_step: Called with the current step.

    Raises:
        SettingsError: There is no such preset.
    """
    bases = [simulation_settings(preset) for preset in presets]
    count = int(np.clip(specimens // 10, 3, _MAPPED))
    images = with_inverted(random_conditions(presets, specimens, seed=seed))
    tried = _try(segmenter, images, 3 * specimens * EXPOSURES, on_step)
    mapped = _try(
        segmenter,
        map_conditions(presets, count, seed=seed + 1),
        count * (len(DOSE_FACTORS) * len(DEFOCUS_FACTORS) + len(PIXEL_SIZE_FACTORS)),
        on_step,
        "micrographs of the map",
    )
    held_count = max(4, specimens // 3)
    held = _try(
        segmenter,
        held_out_conditions(presets, held_count, seed=seed),
        held_count * EXPOSURES,
        on_step,
        "held-out micrographs",
    )
    usual = float(np.median([one.dose_e_per_angstrom2 for one in bases]))
    focus = float(np.median([np.mean(one.defocus_nm) for one in bases]))
    size = float(np.median([one.pixel_size_nm for one in bases]))
    grid = [one for one in mapped if GRID <= one.condition.specimen < SIZES]
    sizes = [one for one in mapped if one.condition.specimen >= SIZES]
    maps = (
        _map(
            ("defocus [nm]", DEFOCUS_FACTORS, focus, [one.condition.defocus_factor for one in grid]),
            ("dose [e/Å²]", DOSE_FACTORS, usual, [one.condition.dose_factor for one in grid]),
            [one.dice for one in grid],
            count,
        ),
        _map(
            ("", (1.0,), 1.0, [1.0] * len(sizes)),
            ("pixel size [nm]", PIXEL_SIZE_FACTORS, size, [one.condition.size_factor for one in sizes]),
            [one.dice for one in sizes],
            count,
        ),
    )
    names = [Path(preset).name for preset in presets]  # of preset files, too
    return _record(segmenter, [*tried, *mapped], held, names, maps, seed, on_step)


def try_on_micrographs(
    segmenter: Segmenter, folder: Path, *, specimens: int, seed: int, on_step: Progress
) -> TrustRecord:
    """Try a network on areas of labelled micrographs, most of them made worse.

    Args:
        segmenter: The network.
        folder: Folder with images/ and labels/ (or masks/), or with both kinds of files side by side.
        specimens: Number of areas in units of `EXPOSURES`; a third as many are held out.
        seed: As for `try_on_presets`.
        on_step: Called with the current step.

    Raises:
        DatasetError: The folder is missing or empty, or a file has no partner.
        ReadError: A file cannot be read.
    """
    on_step(f"reading {folder}")
    images = [
        Labelled(one.micrograph.pixels, one.mask, one.micrograph.pixel_size_nm)
        for pair in find_pairs(folder, None)
        for one in read_labelled(pair, None)
    ]
    held_images = images[::4] if len(images) >= 4 else images
    fitted = [one for index, one in enumerate(images) if index % 4] if len(images) >= 4 else images
    count = specimens * EXPOSURES
    tried = _try(segmenter, with_inverted(degraded_conditions(fitted, count, seed=seed)), 2 * count, on_step)
    held = _try(
        segmenter,
        degraded_conditions(held_images, count // 3, seed=seed + _HELD_OUT_SEED),
        count // 3,
        on_step,
        "held-out areas",
    )
    places = list(degraded_map(fitted[:6], seed=seed))
    mapped = _try(segmenter, (one for *_, one in places), len(places), on_step, "areas of the map", keep_failed=True)
    maps = []
    for name, rows, columns in (
        ("grid", ("blur [px]", BLUR_WIDTHS_PX), ("added noise [sd of the image]", NOISE_FACTORS)),
        ("sizes", ("", (0.0,)), ("pixel size [of the original]", PIXEL_SIZE_FACTORS)),
    ):
        of_map = [(row, column, one) for (n, row, column, _), one in zip(places, mapped, strict=True) if n == name]
        maps.append(
            _map(
                (*rows, 1.0, [row for row, _, _ in of_map]),
                (*columns, 1.0, [column for _, column, _ in of_map]),
                [one.dice for *_, one in of_map],
                len(fitted[:6]),
            )
        )
    return _record(segmenter, tried, held, [str(folder)], tuple(maps), seed, on_step)


def _record(
    segmenter: Segmenter,
    tried: Sequence[Tried],
    held_out: Sequence[Tried],
    tried_on: Sequence[str],
    maps: tuple[DiceMap, ...],
    seed: int,
    on_step: Progress,
) -> TrustRecord:
    foreign = _try(segmenter, foreign_conditions(_FOREIGN, seed=seed), _FOREIGN, on_step, "other images")
    held_foreign = _try(
        segmenter,
        foreign_conditions(_FOREIGN // 6, seed=seed + _HELD_OUT_SEED),
        _FOREIGN // 6,
        on_step,
        "held-out other images",
    )
    on_step("fitting the expected dice")
    return fit_record(
        [*tried, *foreign],
        held_out,
        held_foreign,
        network_sha256=segmenter.network_sha256,
        tried_on=tried_on,
        maps=maps,
    )


def _try(
    segmenter: Segmenter,
    conditions: Iterable[Condition],
    count: int,
    on_step: Progress,
    what: str = "micrographs",
    *,
    keep_failed: bool = False,
) -> list[Tried]:
    """Segment and measure images; those that cannot be segmented, such as constant ones, are passed over."""
    found = []
    for number, one in enumerate(conditions, start=1):
        on_step(f"segmenting {what}: {number} of about {count}")
        try:
            found.append(_tried(segmenter, one))
        except (DatasetError, ReadError):
            if keep_failed:
                raise
    return found


def _tried(segmenter: Segmenter, condition: Condition) -> Tried:
    result = segment_by_ensemble([segmenter], Micrograph(condition.pixels, condition.pixel_size_nm), measures=True)
    assert result.statistics is not None
    mask = resample_mask(condition.mask, result.mask.shape)
    dice = float(hard_dice(result.probability[None], mask[None])[0]) if mask.any() else 0.0
    # The pixels are no longer needed.
    return Tried(result.statistics, dice, replace(condition, pixels=np.zeros((0, 0)), mask=np.zeros((0, 0), bool)))


def _map(
    rows: tuple[str, Sequence[float], float, Sequence[float | None]],
    columns: tuple[str, Sequence[float], float, Sequence[float | None]],
    dice: Sequence[float],
    images: int,
) -> DiceMap:
    """Mean dice per place; rows and columns are name, factors, unit, and the factor of each image."""
    (row_name, row_factors, row_unit, row_of), (column_name, column_factors, column_unit, column_of) = rows, columns
    table = []
    for row in row_factors:
        cells = []
        for column in column_factors:
            here = [
                one
                for one, at_row, at_column in zip(dice, row_of, column_of, strict=True)
                if at_row is not None and at_column is not None
                and abs(at_row - row) < 1e-6 and abs(at_column - column) < 1e-6
            ]  # fmt: skip
            cells.append(round(float(np.mean(here)), 4) if here else None)
        table.append(tuple(cells))
    return DiceMap(
        rows=row_name,
        columns=column_name,
        row_values=tuple(float(f"{one * row_unit:.4g}") for one in row_factors),
        column_values=tuple(float(f"{one * column_unit:.4g}") for one in column_factors),
        dice=tuple(table),
        images=images,
        usual=(_usual(row_factors), _usual(column_factors)),
    )


def _usual(factors: Sequence[float]) -> int:
    """Index of what changes nothing: a width or noise of 0, or else a factor of 1."""
    return factors.index(0.0 if 0.0 in factors else 1.0)
