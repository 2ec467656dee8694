"""One label in many forms."""

import json
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageFilter
from scipy.ndimage import label

from tem_rf.config.reading import ReadingSettings, reading_settings
from tem_rf.data.label_formats.label import Label
from tem_rf.data.labels import read_label_frames

SHAPE = (96, 128)


def two_particles() -> np.ndarray:
    """A disc, and a rectangle that the lower border cuts."""
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    mask = (y - 30) ** 2 + (x - 40) ** 2 <= 18**2
    mask[80:, 90:110] = True
    return mask


MASK = two_particles()
INSTANCES: np.ndarray = label(MASK)[0]
MICROGRAPH = np.random.default_rng(4).poisson(np.where(MASK, 90, 140)).astype(np.uint8)


def read_one(path: Path, shape: tuple[int, int] = SHAPE, **reading: object) -> Label:
    """The label of a micrograph of one frame, of the same name."""
    settings: ReadingSettings = reading_settings(**reading)
    (found,) = read_label_frames(path, shape, image=path.with_name(f"{path.stem}.tif"), reading=settings)
    return found


def painted(background: tuple[int, ...], particle: tuple[int, ...], mask: np.ndarray = MASK) -> np.ndarray:
    """(height, width, colours) uint8."""
    return np.where(mask[..., None], np.uint8(particle), np.uint8(background)).astype(np.uint8)  # type: ignore[arg-type]


def softened(image: np.ndarray) -> Image.Image:
    """Drawn larger, blurred and made smaller, as screenshots and brushes do."""
    drawn = Image.fromarray(image)
    large = drawn.resize((4 * drawn.width, 4 * drawn.height), Image.Resampling.NEAREST)
    return large.filter(ImageFilter.GaussianBlur(2)).resize(drawn.size, Image.Resampling.BOX)


def write_imagej_inverting_tiff(path: Path) -> None:
    """A mask as ImageJ saves it with its inverting LUT."""
    options = {"photometric": "miniswhite", "description": "ImageJ=1.53t\n", "metadata": None}
    tifffile.imwrite(path, MASK * np.uint8(255), **options)  # type: ignore[arg-type]


def write_imagej_inverting_png(path: Path) -> None:
    """The same as PNG, in which the LUT becomes a palette."""
    image = Image.fromarray(MASK * np.uint8(255), "P")
    image.putpalette([level for level in range(255, -1, -1) for _ in range(3)])
    image.save(path)


def write_palette(path: Path, indices: np.ndarray, colours: list[int]) -> None:
    """A palette PNG."""
    image = Image.fromarray(indices.astype(np.uint8), "P")
    image.putpalette(colours)
    image.save(path)


def coco(name: str, annotations: list[dict], categories: tuple[str, ...] = ("particle",), **image: object) -> str:  # type: ignore[type-arg]
    """COCO JSON of one image; category numbers count from 1."""
    listed = [{"id": number, "name": category} for number, category in enumerate(categories, start=1)]
    entry = {"id": 1, "file_name": name, "height": SHAPE[0], "width": SHAPE[1]} | image
    numbered = [{"id": number, "image_id": 1, "category_id": 1} | one for number, one in enumerate(annotations)]
    return json.dumps({"images": [entry], "annotations": numbered, "categories": listed})


def square(x: float, y: float, side: float) -> list[float]:
    """Corners of a square, x and y in turn."""
    return [x, y, x + side, y, x + side, y + side, x, y + side]
