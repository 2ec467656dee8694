"""Every format run by its own runtime, as another program would: raw counts in, the probability of a particle out."""

import contextlib
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.data.preprocess import normalize_micrograph
from tem_rf.data.xray import remove_xray_outliers
from tem_rf.export.bioimageio import quiet_bioimageio
from tem_rf.export.formats import BIOIMAGEIO, KERAS, LITERT, ONNX, SAVED_MODEL, ExportFormat
from tem_rf.inference.card import ModelCard
from tem_rf.models.probability import particle_probability

Runtime = Callable[[np.ndarray], np.ndarray]  # (n, h, w) float32 counts -> (n, h, w) float32 probability


def runtimes(folder: Path, one: ExportFormat, card: ModelCard) -> Iterator[tuple[str, Runtime]]:
    """Load a format and give what runs it; several where a package holds several networks.

    What a format expects to be done before, is done here, with NumPy.

    Yields:
        Name for people, such as `onnx`, and the function.
    """
    path = folder / one.file
    preprocessing = card.preprocessing_inside
    if one is SAVED_MODEL:
        yield one.name, _saved_model(folder)
    elif one is ONNX:
        yield one.name, _onnx(path)
    elif one is KERAS:
        yield one.name, _normalizing(_keras(path), preprocessing)
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


def _keras(path: Path) -> Runtime:
    import keras

    model = keras.saving.load_model(path, safe_mode=True)
    return lambda images: particle_probability(np.asarray(model(images, training=False)))


def _litert(path: Path) -> Runtime:
    import tensorflow as tf

    with warnings.catch_warnings():
        # TensorFlow announces that its interpreter moves to a package of its own.
        warnings.filterwarnings("ignore", r"\s*Warning: tf.lite.Interpreter is deprecated", UserWarning)
        interpreter = tf.lite.Interpreter(str(path))
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(images: np.ndarray) -> np.ndarray:
        interpreter.resize_tensor_input(taken["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(given["index"])[..., 0]

    return run


def _bioimageio(path: Path, weights: Any) -> Runtime:
    """The micrographs as they are: bioimageio.core by itself would continue them beyond their edges by the halo."""
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
