"""Change labelled micrographs as microscopes, programs and printers do, and draw images that are no micrographs."""

from collections.abc import Callable

import numpy as np

from tem_rf.data.augmentation import blur, like, log_uniform
from tem_rf.data.grey_levels import apply_gamma, tilt_illumination
from tem_rf.data.reduction import RESAMPLING, reduce_and_enlarge
from tem_rf.trust.kinds import BLUR, ILLUMINATION, INVERTED, NOISE, PRINTED


def change(image: np.ndarray, kind: str, random: np.random.Generator) -> np.ndarray:
    """Change an image at random.

    Args:
        image: (h, w) float32, of any levels.
        kind: One of `CHANGES`.
        random: Determines how strongly.

    Returns:
        (h, w) float32.
    """
    return np.asarray(CHANGES[kind](image, random), np.float32)


def invert(image: np.ndarray) -> np.ndarray:
    """(h, w) of any levels -> (h, w) float32 of the same range, dark for bright."""
    return np.asarray(float(image.max()) + float(image.min()) - image, np.float32)


def _noise(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    sd = float(image.std()) * log_uniform(random, 0.5, 5)
    return image + random.normal(0, sd, image.shape)


def _blur(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return blur(image, log_uniform(random, 0.7, 8))


def _illumination(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return tilt_illumination(image, float(image.std()) * log_uniform(random, 0.7, 10), random)


def _inverted(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    turned = invert(image)
    return _printed(turned, random) if random.random() < 0.3 else turned


def _printed(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Reduce, enlarge, stretch to black and white, and keep 8 bits, as figures are made."""
    down, up = random.choice(RESAMPLING, 2)
    small = reduce_and_enlarge(image, log_uniform(random, 1, 4.5), down=down, up=up)
    return np.rint(255 * apply_gamma(small, log_uniform(random, 0.6, 1.6)))


CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    PRINTED: _printed,
    NOISE: _noise,
    BLUR: _blur,
    ILLUMINATION: _illumination,
    INVERTED: _inverted,
}


def foreign_image(side_px: int, random: np.random.Generator) -> np.ndarray:
    """Draw an image that is no micrograph: noise, a blank, text, gratings, shapes that hide each other, an opening.

    Args:
        side_px: Height and width [px].
        random: Determines what it shows.

    Returns:
        (side_px, side_px) float32.
    """
    noises = (_white_noise, _grainy, _grainy, _blank, _salt_and_pepper)
    kinds = (*noises, _text, _text, _grating, _leaves, _leaves, _leaves, _leaves, _opening, _opening)
    image = kinds[random.integers(len(kinds))](side_px, random)
    if random.random() < 0.4:
        image = image + random.normal(0, float(image.std()) * log_uniform(random, 0.02, 0.4) + 1e-3, image.shape)
    if random.random() < 0.5:
        image = np.rint(255 * apply_gamma(image, log_uniform(random, 0.7, 1.4)))
    return np.asarray(image, np.float32)


def _white_noise(side: int, random: np.random.Generator) -> np.ndarray:
    return random.poisson(50, (side, side)) if random.random() < 0.3 else random.normal(0, 1, (side, side))


def _grainy(side: int, random: np.random.Generator) -> np.ndarray:
    """Noise with a power law or a blur, as clouds and uneven films have."""
    noise = random.normal(0, 1, (side, side))
    if random.random() < 0.5:
        return blur(noise, log_uniform(random, 0.7, 12))
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    radius[0, 0] = 1
    return np.fft.irfft2(np.fft.rfft2(noise) / radius ** random.uniform(0.5, 2.2), s=noise.shape)


def _blank(side: int, random: np.random.Generator) -> np.ndarray:
    level = np.full((side, side), 100.0) + random.normal(0, log_uniform(random, 0.01, 1), (side, side))
    return tilt_illumination(level, log_uniform(random, 0.1, 50), random) if random.random() < 0.6 else level


def _salt_and_pepper(side: int, random: np.random.Generator) -> np.ndarray:
    chance, image = random.random((side, side)), np.full((side, side), 128.0)
    share = log_uniform(random, 0.005, 0.5)
    image[chance < share / 2], image[chance > 1 - share / 2] = 0, 255
    return image


def _text(side: int, random: np.random.Generator) -> np.ndarray:
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (side, side), 255)
    pen, size = ImageDraw.Draw(page), int(random.integers(10, 40))
    font = ImageFont.load_default(size)
    for top in range(4, side, int(size * random.uniform(1.2, 1.8))):
        letters = random.integers(97, 123, 2 * side // size)
        spaced = np.where(random.random(len(letters)) < 0.18, 32, letters)
        pen.text((int(random.integers(0, 30)), top), "".join(map(chr, spaced)), fill=0, font=font)
    image = np.asarray(page, np.float64)
    if random.random() < 0.5:
        image = blur(image, random.uniform(0.3, 1.5))
    if random.random() < 0.5:  # a page in the light of a lamp
        image = tilt_illumination(image, float(image.std()) * log_uniform(random, 0.3, 4), random)
    return image


def _grating(side: int, random: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:side, :side] * (2 * np.pi)
    image = np.zeros((side, side))
    for _ in range(random.integers(1, 3)):
        angle, frequency = random.uniform(0, np.pi), log_uniform(random, 0.005, 0.3)
        wave = np.sin(frequency * (np.cos(angle) * x + np.sin(angle) * y) + random.uniform(0, 6))
        image += np.sign(wave) if random.random() < 0.5 else wave
    return image


def _leaves(side: int, random: np.random.Generator) -> np.ndarray:
    """Shapes of all sizes that hide each other, shaded and textured, which has the statistics of photographs."""
    image = random.random() + 0.1 * _grainy(side, random)
    y, x = np.mgrid[:side, :side]
    smallest, count = log_uniform(random, 3, 16), int(random.integers(100, 600))
    for radius in sorted(smallest * random.uniform(0.02, 1, count) ** -0.6, reverse=random.random() < 0.5):
        row, column, angle = *random.uniform(0, side, 2), random.uniform(0, np.pi)
        reach = int(min(radius * 2, side)) + 2
        rows, columns = (slice(max(int(centre) - reach, 0), int(centre) + reach) for centre in (row, column))
        dy, dx = y[rows, columns] - row, x[rows, columns] - column
        u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        v = v * random.uniform(1, 3)
        shape = np.maximum(abs(u), abs(v)) < radius if random.random() < 0.5 else u**2 + v**2 < radius**2
        shade = random.random() + u / radius * random.normal(0, 0.15)
        shade = shade + random.normal(0, 1, u.shape) * max(0.0, random.normal(0, 0.06))
        image[rows, columns] = np.where(shape, shade, image[rows, columns])
    return like(image, blur(image, random.uniform(0.4, 2.0)))


def _opening(side: int, random: np.random.Generator) -> np.ndarray:
    """Something without particles behind a round opening, as of an aperture or a lens, with darkness around it."""
    kinds = (_grainy, _blank, _leaves)
    seen = np.asarray(kinds[random.integers(len(kinds))](side, random), np.float64)
    seen = (seen - seen.mean()) / max(float(seen.std()), 1e-9)
    row, column = random.uniform(-0.5, 1.5, 2) * side
    y, x = np.mgrid[:side, :side]
    distance = np.hypot(y - row, x - column)
    is_open = distance < np.quantile(distance, random.uniform(0.3, 0.97))
    darkness = seen.min() - random.uniform(0, 10) + random.normal(0, log_uniform(random, 0.001, 0.3), seen.shape)
    return blur(np.where(is_open, seen, darkness), random.uniform(0.4, 4.0))
