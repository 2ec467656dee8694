"""Conditions for a network that was trained on measured micrographs: labelled ones, made worse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tem_rf.data.augmentation import blur, log_uniform
from tem_rf.trust.changes import CHANGES, change
from tem_rf.trust.conditions import PIXEL_SIZE_FACTORS, Condition
from tem_rf.trust.kinds import INVERTED, PRINTED, SCALE

NOISE_FACTORS = (0.0, 0.5, 1.0, 2.0)  # standard deviation added, in units of that of the image
BLUR_WIDTHS_PX = (0.0, 1.0, 2.0, 4.0)
_SIDE_PX = 512
_MIN_SIDE_PX = 128


@dataclass(frozen=True)
class Labelled:
    """A labelled micrograph."""

    pixels: np.ndarray
    mask: np.ndarray
    pixel_size_nm: float | None


def degraded_conditions(images: Sequence[Labelled], count: int, *, seed: int) -> Iterator[Condition]:
    """Cut areas from labelled micrographs in turn and change most of them: scale, noise, blur, levels, contrast.

    Args:
        images: Labelled micrographs; areas of one of them share its number as their specimen.
        count: Number of areas.
        seed: Seed of everything that is random.
    """
    kinds = ("", "", SCALE, *CHANGES)
    for number in range(count):
        random = np.random.default_rng([seed, number])
        source = number % len(images)
        area = _cut(images[source], random)
        one = Condition(area.pixels, area.mask, area.pixel_size_nm, source)
        kind = kinds[number // len(images) % len(kinds)]
        if kind == SCALE:
            yield _scaled(one, log_uniform(random, 0.5, 2.2))
        elif kind:
            first = change(one.pixels, kind, random)
            is_both = kind != INVERTED and random.random() < 0.3
            yield replace(one, pixels=change(first, PRINTED, random) if is_both else first, kind=kind)
        else:
            yield one


def degraded_map(images: Sequence[Labelled], *, seed: int) -> Iterator[tuple[str, float, float, Condition]]:
    """Change areas over a grid of noise and blur, and over pixel sizes.

    Yields:
        Name of the map (`grid` or `sizes`), its row, its column, and the condition.
    """
    for number, image in enumerate(images):
        random = np.random.default_rng([seed, 5, number])
        area = _cut(image, random)
        one = Condition(area.pixels, area.mask, area.pixel_size_nm, number)
        for width in BLUR_WIDTHS_PX:
            for factor in NOISE_FACTORS:
                sharp = blur(one.pixels, width) if width else one.pixels
                noisy = sharp + random.normal(0, factor * float(sharp.std()), sharp.shape)
                yield "grid", width, factor, replace(one, pixels=noisy.astype(np.float32))
        for factor in PIXEL_SIZE_FACTORS:
            yield "sizes", 0.0, factor, _scaled(one, factor)


def _cut(image: Labelled, random: np.random.Generator) -> Labelled:
    """A square area with particles in it, where there are any."""
    height, width = image.pixels.shape
    side = min(_SIDE_PX, height, width)
    for _ in range(20):
        row, column = (int(random.integers(0, length - side + 1)) for length in (height, width))
        area = slice(row, row + side), slice(column, column + side)
        if image.mask[area].any():
            break
    return Labelled(image.pixels[area].astype(np.float32), image.mask[area], image.pixel_size_nm)


def _scaled(one: Condition, factor: float) -> Condition:
    """The same with pixels that are larger by a factor."""
    from skimage.transform import resize

    sides = tuple(max(_MIN_SIDE_PX, round(length / factor)) for length in one.pixels.shape)
    pixels = resize(one.pixels, sides, order=1, mode="edge", anti_aliasing=factor > 1, preserve_range=True)
    mask = resize(one.mask.astype(np.float32), sides, order=1, mode="edge") > 0.5
    size_nm = one.pixel_size_nm and one.pixel_size_nm * factor
    return replace(
        one, pixels=pixels.astype(np.float32), mask=mask, pixel_size_nm=size_nm, kind=SCALE, size_factor=factor
    )
