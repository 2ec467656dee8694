"""Export a network as a bioimage.io package, for Fiji (deepImageJ), QuPath and ilastik."""

import gc
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
from pydantic import ValidationError

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.preprocess import normalize_micrograph
from tem_rf.data.simulation.simulate import simulate_micrograph
from tem_rf.errors import ModelError
from tem_rf.exporting.bioimageio_description import (
    describe_package,
    documentation,
    is_normalized_inside,
    package_sizes,
)
from tem_rf.exporting.formats import BIOIMAGEIO
from tem_rf.exporting.portable import export_onnx
from tem_rf.exporting.saved_model import ImagesToProbability, PackagedCountsToProbability
from tem_rf.inference.card import ModelCard
from tem_rf.metrics.dice import particle_mask
from tem_rf.plots.segmentation import grey_levels, overlay

_COARSE_NM = 0.06  # between the pixel sizes of the two presets


def example_micrograph(side_px: int, pixel_size_nm: float | None) -> np.ndarray:
    """Simulate gold particles under conditions typical of a pixel size.

    Args:
        side_px: Height and width [px].
        pixel_size_nm: Pixel size the network was trained at [nm]; the micrograph has that of the closest preset.

    Returns:
        (side_px, side_px) float32 counts, without x-ray outliers.
    """
    preset = "au-20nm-lowres" if pixel_size_nm is not None and pixel_size_nm > _COARSE_NM else "au-2.2nm"
    return simulate_micrograph(simulation_settings(preset, size_px=side_px), seed=2022).pixels.astype(np.float32)


_MIN_SHOWN_PX = 512


def write_bioimageio(model: keras.Model, card: ModelCard, folder: Path) -> None:
    """Write a package: SavedModel and ONNX, a test micrograph with the expected output, documentation and a cover.

    Args:
        model: The network.
        card: Its model card.
        folder: Folder to write to.

    Raises:
        ModelError: bioimageio.spec rejects the content of the card, such as a license that SPDX does not list.
    """
    counts = example_micrograph(package_sizes(card).at_least(_MIN_SHOWN_PX), card.pixel_size_nm)
    by_the_program = card.preprocessing_inside.model_copy(update={"xray_threshold": None})
    if is_normalized_inside(card):
        serving: ImagesToProbability = PackagedCountsToProbability(
            model, card.stride_px, by_the_program, card.temperature, distance=False
        )
        image = counts
    else:
        serving = ImagesToProbability(model, card.stride_px, card.temperature, distance=False)
        image = normalize_micrograph(counts, by_the_program)
    probability = np.asarray(serving(image[np.newaxis, ..., np.newaxis])["probability"])
    with tempfile.TemporaryDirectory() as name, quiet_bioimageio():
        from bioimageio.spec import save_bioimageio_package

        inside = Path(name)
        np.save(inside / "test_input.npy", counts[np.newaxis, ..., np.newaxis])
        np.save(inside / "test_output.npy", probability)
        export_onnx(serving, inside / "weights.onnx")
        _write_saved_model_zip(serving, inside / "saved_model.zip")
        _write_cover(inside / "cover.png", counts, probability[0, ..., 0])
        (inside / "README.md").write_text(documentation(card), encoding="utf-8")
        try:
            save_bioimageio_package(describe_package(card, inside), output_path=folder / BIOIMAGEIO.file)
        except ValidationError as error:
            raise ModelError(
                f"{BIOIMAGEIO.file}: bioimageio.spec rejects the package ({_first_of(error)}); correct `license_id` or "
                "`authors`, or install the supported versions of its packages: pip install 'tem-rf[exchange]'"
            ) from error


@contextmanager
def quiet_bioimageio() -> Iterator[None]:
    """Keep bioimageio's log off the terminal, and close the files that it leaves open."""
    from loguru import logger

    logger.disable("bioimageio")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield
            gc.collect()
    finally:
        logger.enable("bioimageio")


def _first_of(error: ValidationError) -> str:
    """Return the first message of a pydantic ValidationError, on one line."""
    first = error.errors()[0]
    place, words = ".".join(map(str, first["loc"][:1])), " ".join(first["msg"].split())
    return f"{place}: {words[:120]}" if place else words[:120]


def _write_saved_model_zip(serving: ImagesToProbability, path: Path) -> None:
    folder = path.with_suffix("")
    serving.export(folder, verbose=False, input_signature=[serving.SIGNATURE])
    shutil.make_archive(str(folder), "zip", folder)


def _write_cover(path: Path, counts: np.ndarray, probability: np.ndarray) -> None:
    """Draw the micrograph, and beside it the outlines of the particles found by the network."""
    from PIL import Image

    plain = np.repeat(grey_levels(counts)[..., np.newaxis], 3, axis=-1)
    picture = np.concatenate([plain, overlay(counts, particle_mask(probability))], axis=1)
    Image.fromarray(picture).resize((1024, 512)).save(path, optimize=True)
