"""Run every exported format in its own runtime and compare it with the run."""

import contextlib
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.preprocess import normalize_micrograph
from tem_rf.data.xray import remove_xray_outliers
from tem_rf.exporting.bioimageio import quiet_bioimageio
from tem_rf.exporting.bioimageio_description import package_sizes
from tem_rf.exporting.formats import (
    BIOIMAGEIO,
    KERAS,
    LITERT,
    ONNX,
    SAVED_MODEL,
    ExportFormat,
    formats_in,
    require_packages,
)
from tem_rf.inference.card import ModelCard
from tem_rf.inference.model import Segmenter, load_averaged
from tem_rf.inference.predict import segment_micrograph
from tem_rf.models.probability import particle_probability
from tem_rf.runs.folder import RunFolder

Runtime = Callable[[np.ndarray], np.ndarray]  # (n, h, w) float32 counts -> (n, h, w) float32 probability


def runtimes(folder: Path, one: ExportFormat, card: ModelCard) -> Iterator[tuple[str, Runtime]]:
    """Load a format and yield a function that runs it, or several if a package contains several networks.

    Preprocessing that the format expects to be done beforehand is done here, with NumPy.

    Yields:
        A readable name, such as `onnx`, and the function.
    """
    path = folder / one.file
    preprocessing = card.preprocessing_inside
    if one is SAVED_MODEL:
        yield one.name, _saved_model(folder)
    elif one is ONNX:
        yield one.name, _onnx(path)
    elif one is KERAS:
        yield one.name, _normalizing(_keras(path, card.temperature), preprocessing)
    elif one is LITERT:
        yield one.name, _normalizing(_litert(path), preprocessing)
    elif one is BIOIMAGEIO:
        for weights in ("tensorflow_saved_model_bundle", "onnx"):
            yield f"{one.name} ({weights})", _without_outliers(_bioimageio(path, weights), preprocessing)


def _saved_model(folder: Path) -> Runtime:
    import tensorflow as tf

    model = tf.saved_model.load(folder)
    return lambda counts: model.serve(counts)["probability"].numpy()


def _onnx(path: Path) -> Runtime:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda counts: session.run(["probability"], {"counts": counts})[0][..., 0]


def _keras(path: Path, temperature: float) -> Runtime:
    import keras

    model = keras.saving.load_model(path, safe_mode=True)
    return lambda images: particle_probability(np.asarray(model(images, training=False)), temperature)


def _litert(path: Path) -> Runtime:
    import tensorflow as tf

    with warnings.catch_warnings():
        # TensorFlow announces that its interpreter is moving to a separate package.
        warnings.filterwarnings("ignore", r"\s*Warning: tf.lite.Interpreter is deprecated", UserWarning)
        interpreter = tf.lite.Interpreter(str(path))
    (signature,) = interpreter.get_signature_list()
    serve = interpreter.get_signature_runner(signature)
    return lambda images: serve(images=images)["probability"][..., 0]


def _bioimageio(path: Path, weights: Any) -> Runtime:
    """Run a package without padding: by default, bioimageio.core extends micrographs by the halo."""
    with quiet_bioimageio():
        from bioimageio.core import create_prediction_pipeline, load_model_description
        from bioimageio.core.digest_spec import create_sample_for_model

        description = load_model_description(path.resolve())

    def run(counts: np.ndarray) -> np.ndarray:
        # bioimageio.core unzips the SavedModel into the current folder.
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), quiet_bioimageio():
            sample = create_sample_for_model(description, inputs={"images": counts[..., np.newaxis]})
            with create_prediction_pipeline(description, weights_format=weights) as pipeline:
                result = pipeline.predict_sample_without_blocking(
                    sample, skip_input_padding=True, skip_output_cropping=True
                )
        return result.members["probability"].data.to_numpy()[..., 0]

    return run


def _normalizing(network: Runtime, preprocessing: PreprocessingSettings) -> Runtime:
    def run(counts: np.ndarray) -> np.ndarray:
        images = np.stack([normalize_micrograph(image, preprocessing) for image in counts])
        return network(images[..., np.newaxis])

    return run


def _without_outliers(network: Runtime, preprocessing: PreprocessingSettings) -> Runtime:
    def run(counts: np.ndarray) -> np.ndarray:
        counts = counts.copy()
        if preprocessing.xray_threshold is not None:
            for image in counts:
                remove_xray_outliers(image, preprocessing.xray_threshold)
        return network(counts)

    return run


_BATCHES = (1, 3)
_MIN_SIDE_PX = 64


@dataclass(frozen=True)
class Comparison:
    """One format, run on micrographs of one size.

    Attributes:
        runtime: Format, with the network if it contains several.
        shape: Number, height and width of the micrographs [px].
        difference: Largest absolute difference in probability from the run.
    """

    runtime: str
    shape: tuple[int, int, int]
    difference: float


def compare_formats(runs: Sequence[RunFolder], folder: Path) -> Iterator[Comparison]:
    """Run every format in a folder on micrographs of two sizes, one and three at a time.

    Args:
        runs: The run that was exported, or the runs that were averaged.
        folder: The exported model.

    Yields:
        Four comparisons for each network.

    Raises:
        ModelError: The folder contains no model, or a format needs packages that are not installed.
    """
    card = ModelCard.read(folder)
    segmenter = replace(
        load_averaged([run.path for run in runs]),
        preprocessing=card.preprocessing_inside,
        temperature=card.temperature,
    )
    for one in formats_in(folder):
        require_packages(one)
        shapes = _shapes(card, any_size=one not in (KERAS, BIOIMAGEIO))
        for name, runtime in runtimes(folder, one, card):
            for shape in shapes:
                yield Comparison(name, shape, _difference(runtime, segmenter, _micrographs(shape, card)))


def _shapes(card: ModelCard, *, any_size: bool) -> list[tuple[int, int, int]]:
    """Return two sizes for each number of micrographs: multiples of the stride, or odd sizes if any size is allowed."""
    sizes = package_sizes(card)
    side, step = sizes.at_least(_MIN_SIDE_PX), sizes.step_px
    odd = 1 if any_size else 0
    return [
        (batch, height + odd, width - odd)
        for batch in _BATCHES
        for height, width in ((side, side + step), (side + 3 * step, side + step))
    ]


def _micrographs(shape: tuple[int, int, int], card: ModelCard) -> np.ndarray:
    """Draw dark discs on bright noise, with one x-ray outlier each if the preprocessing removes outliers."""
    random = np.random.default_rng(shape)
    y, x = np.ogrid[: shape[1], : shape[2]]
    row, column = random.uniform(0.2, 0.8, (2, shape[0], 1, 1)) * np.array(shape[1:]).reshape(2, 1, 1, 1)
    is_disc = (y - row) ** 2 + (x - column) ** 2 <= (min(shape[1:]) / 4) ** 2
    counts = random.poisson(np.where(is_disc, 600, 900)).astype(np.float32)
    if card.preprocessing.xray_threshold is not None:
        counts[:, 5, 7] = 900 + 2 * card.preprocessing.xray_threshold
    return counts


def _difference(runtime: Runtime, segmenter: Segmenter, counts: np.ndarray) -> float:
    live = [segment_micrograph(segmenter, Micrograph(image)).probability for image in counts]
    return float(np.abs(runtime(counts) - live).max())
