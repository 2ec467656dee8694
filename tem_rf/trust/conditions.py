"""Labelled micrographs under conditions like those of the training, and far from them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tem_rf.config.simulation import SimulationSettings, simulation_settings
from tem_rf.data.augmentation import log_uniform
from tem_rf.data.simulation.simulate import Exposure, SimulatedMicrograph, simulate_exposures
from tem_rf.trust.changes import CHANGES, change, foreign_image, invert
from tem_rf.trust.kinds import EMPTY, FOREIGN, INVERTED, NEVER_TRUSTED, PRINTED

SIDE_PX = 384
EXPOSURES = 4
_MIN_BLOCK = 6  # specimens, the last of them without particles
_HELD_OUT = 4000  # from the seeds of the specimens that are fitted to those that are held out
DOSE_FACTORS = (0.03, 0.1, 0.3, 1.0)
DEFOCUS_FACTORS = (0.5, 1.0, 2.5, 6.0)
PIXEL_SIZE_FACTORS = (0.5, 0.65, 0.8, 1.0, 1.25, 1.6, 2.0)


@dataclass(frozen=True)
class Condition:
    """A labelled image, and what is special about it.

    Attributes:
        pixels: (h, w) counts or grey levels.
        mask: (h, w) bool, the particles.
        pixel_size_nm: Pixel size [nm]; None: not known.
        specimen: Number of the specimen, which images of one exposure series share.
        kind: How it was changed, or what else it is; empty for a micrograph as recorded.
        dose_factor: Dose in units of that of its preset; None: not known.
        defocus_factor: Defocus in units of the mean of its preset; None: not known.
        size_factor: Pixel size in units of that of its preset.
    """

    pixels: np.ndarray
    mask: np.ndarray
    pixel_size_nm: float | None
    specimen: int
    kind: str = ""
    dose_factor: float | None = None
    defocus_factor: float | None = None
    size_factor: float = 1.0


def random_conditions(presets: Sequence[str], count: int, *, seed: int) -> Iterator[Condition]:
    """Simulate specimens of presets in turn, each under several doses and defoci, and change most of the images.

    Args:
        presets: Presets that are like the training.
        count: Number of specimens; each gives `EXPOSURES` images, every sixth one image without particles.
        seed: Seed of the first block of specimens, in which each preset occurs twice; the next block has the next seed.
    """
    block = _block(presets)
    for number in range(count):
        in_block = number % block
        random = np.random.default_rng([seed + number // block, in_block])
        preset = simulation_settings(presets[in_block % len(presets)])
        settings, size_factor = _specimen(preset, random, is_empty=in_block % _MIN_BLOCK == _MIN_BLOCK - 1)
        exposures = [_exposure(preset, random, is_usual=index == 0) for index in range(EXPOSURES)]
        images = simulate_exposures(settings, exposures, seed=int(random.integers(2**31)))
        for index, (exposure, image) in enumerate(zip(exposures, images, strict=True)):
            one = _condition(image, preset, exposure, number, size_factor)
            if not image.mask.any():
                yield replace(one, kind=EMPTY)
                break
            if index > 0 and random.random() >= 0.4:
                yield _changed(one, random)
            else:
                yield from (one, _changed(one, np.random.default_rng([seed + number // block, in_block, index])))


def with_inverted(conditions: Iterable[Condition]) -> Iterator[Condition]:
    """Add the inverted copy of every micrograph that has particles and the contrast of the training."""
    for one in conditions:
        yield one
        if one.kind not in NEVER_TRUSTED:
            yield replace(one, pixels=invert(one.pixels), kind=INVERTED)


def held_out_conditions(presets: Sequence[str], count: int, *, seed: int) -> Iterator[Condition]:
    """Simulate specimens like `random_conditions`, of other seeds, which nothing is fitted to."""
    block = _block(presets)
    for number in range(-(-count // block)):
        specimens = min(block, count - number * block)
        for one in random_conditions(presets, specimens, seed=seed + _HELD_OUT + 2 * number):
            yield replace(one, specimen=number * block + one.specimen)


def _block(presets: Sequence[str]) -> int:
    """Specimens that share a seed."""
    return max(_MIN_BLOCK, 2 * len(presets))


def foreign_conditions(count: int, *, seed: int) -> Iterator[Condition]:
    """Draw images that are no micrographs."""
    for number in range(count):
        random = np.random.default_rng([seed, 7, number])
        image = foreign_image(int(random.choice((256, SIDE_PX, 512))), random)
        yield Condition(image, np.zeros(image.shape, bool), None, -1 - number, FOREIGN)


def map_conditions(presets: Sequence[str], specimens: int, *, seed: int) -> Iterator[Condition]:
    """Simulate specimens of presets in turn over a grid of doses and defoci, and over pixel sizes."""
    for number in range(specimens):
        preset = simulation_settings(presets[number % len(presets)])
        usual_nm, usual_dose = float(np.mean(preset.defocus_nm)), preset.dose_e_per_angstrom2
        grid = [Exposure(usual_nm * defocus, usual_dose * dose) for defocus in DEFOCUS_FACTORS for dose in DOSE_FACTORS]
        for exposure, image in zip(grid, simulate_exposures(_smaller(preset), grid, seed=seed + number), strict=True):
            yield _condition(image, preset, exposure, GRID + number, 1.0)
        for index, factor in enumerate(PIXEL_SIZE_FACTORS):
            scaled = _smaller(preset.model_copy(update={"pixel_size_nm": preset.pixel_size_nm * factor}))
            exposure, specimen = Exposure(usual_nm, usual_dose), len(PIXEL_SIZE_FACTORS) * number + index
            for image in simulate_exposures(scaled, [exposure], seed=seed + 1000 + specimen):
                yield _condition(image, preset, exposure, SIZES + specimen, factor)


GRID, SIZES = 100_000, 200_000  # first specimens of the maps


def _condition(
    image: SimulatedMicrograph, preset: SimulationSettings, exposure: Exposure, specimen: int, size_factor: float
) -> Condition:
    return Condition(
        pixels=image.pixels,
        mask=image.mask,
        pixel_size_nm=image.pixel_size_nm,
        specimen=specimen,
        dose_factor=exposure.dose_e_per_angstrom2 / preset.dose_e_per_angstrom2,
        defocus_factor=exposure.defocus_nm / float(np.mean(preset.defocus_nm)),
        size_factor=size_factor,
    )


def _specimen(
    preset: SimulationSettings, random: np.random.Generator, *, is_empty: bool
) -> tuple[SimulationSettings, float]:
    """Settings of a specimen around those of a preset, and its pixel size in units of that of the preset."""
    factor = 1.0 if random.random() < 0.5 else log_uniform(random, 0.5, 2.2)
    film = np.clip(np.array(preset.carbon_nm) * log_uniform(random, 0.5, 1.8), 0, 20)
    spread = preset.image_spread_nm
    changed = {
        "pixel_size_nm": float(np.clip(preset.pixel_size_nm * factor, 0.0051, 0.5)),
        "diameter_nm": float(preset.diameter_nm * log_uniform(random, 0.7, 1.4)),
        "coverage": float(random.uniform(0.05, 0.35)),
        "particle_count": 0 if is_empty else None,
        "carbon_nm": tuple(map(float, film)),
        "image_spread_nm": (spread[0] / 3, spread[1] * 1.2),
        "illumination_variation": (0.0, 0.05),
    }
    return _smaller(preset.model_copy(update=changed)), factor


def _exposure(preset: SimulationSettings, random: np.random.Generator, *, is_usual: bool) -> Exposure:
    low, high = preset.defocus_nm
    usual = preset.dose_e_per_angstrom2
    if is_usual:
        return Exposure(random.uniform(low, high), usual * log_uniform(random, 0.3, 2))
    return Exposure(log_uniform(random, low / 3, high * 6), usual * log_uniform(random, 1 / 60, 2))


def _smaller(settings: SimulationSettings) -> SimulationSettings:
    """The same in a field that is no larger than needed."""
    side = max(SIDE_PX, 64 * int(np.ceil(1.6 * settings.diameter_nm / settings.pixel_size_nm / 64)))
    return settings.model_copy(update={"size_px": min(side, 640)})


def _changed(one: Condition, random: np.random.Generator) -> Condition:
    kinds = tuple(CHANGES)
    kind = str(random.choice(kinds, p=_LIKELY))
    return replace(one, pixels=change(one.pixels.astype(np.float32), kind, random), kind=kind)


_LIKELY = [0.3 if kind == PRINTED else 0.25 if kind == INVERTED else 0.15 for kind in CHANGES]
