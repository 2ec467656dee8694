"""A trained network ready for new micrographs, from a run or an exported model."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tem_rf.architecture import Architecture
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.errors import ModelError
from tem_rf.inference.card import ModelCard
from tem_rf.inference.light_network import load_light_network
from tem_rf.metrics.calibration import UNCALIBRATED
from tem_rf.models.backend import import_keras
from tem_rf.models.weight_files import read_variables, require_room_for, variable_files
from tem_rf.runs.calibration import temperature_of
from tem_rf.runs.folder import RunFolder
from tem_rf.saved_models import CARD_NAME
from tem_rf.trust.record import TRUST_NAME, TrustRecord

if TYPE_CHECKING:
    import keras

_GRAPH = "saved_model.pb"

Logits = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Segmenter:
    """A network with the preprocessing it needs.

    Attributes:
        name: Name of the run or the model.
        architecture: Its architecture.
        preprocessing: Preprocessing of raw counts before they reach the network.
        pixel_size_nm: Pixel size it was trained at [nm]; None if the dataset had none.
        logits: Maps (n, h, w, 1) float32, h and w divisible by the stride, to (n, h, w, 2) logits; with
            `architecture.has_distance` a third channel is the distance.
        sha256: Checksum of its files; segmenters with the same checksum give the same masks and verdicts.
        network_sha256: Digest of the weights alone, which an export has in common with its run.
        trust: When its masks can be trusted; None if that was not recorded for these weights.
        temperature: Divides the logits for calibrated probabilities; the mask is the same with any.
    """

    name: str
    architecture: Architecture
    preprocessing: PreprocessingSettings
    pixel_size_nm: float | None
    logits: Logits
    sha256: str
    network_sha256: str = ""
    trust: TrustRecord | None = None
    temperature: float = UNCALIBRATED


def load_segmenter(path: Path, *, light: bool = False) -> Segmenter:
    """Load a run folder or an exported model; only arrays are read, no code in the folder is executed.

    Args:
        path: The folder.
        light: Use ONNX Runtime for an included model; it starts faster than TensorFlow.

    Raises:
        ModelError: The folder contains neither, or its network cannot be read.
        RunError: The run has another schema version.
    """
    if (path / CARD_NAME).exists():
        return _from_export(path, light=light)
    run = RunFolder(path)
    if run.config_file.exists():
        return _from_run(run)
    if (path / _GRAPH).exists():
        raise ModelError(
            f"{path}: a SavedModel of another program, without the {CARD_NAME} that describes its input; "
            "use a model written by `tem-rf export`."
        )
    raise ModelError(f"{path}: contains neither a run nor an exported model; see `tem-rf runs` and `tem-rf export`.")


def _from_run(run: RunFolder) -> Segmenter:
    import_keras()
    from tem_rf.models.merging import compile_inference
    from tem_rf.runs.network import load_network

    config, network = run.config, load_network(run)
    digest = weights_digest([network])
    return Segmenter(
        name=run.name,
        architecture=config.architecture,
        preprocessing=config.preprocessing,
        pixel_size_nm=config.pixel_size_nm,
        logits=compile_inference(network, config.architecture),
        sha256=_sha256([run.model_file, *_existing(run.path / TRUST_NAME)]),
        network_sha256=digest,
        trust=trust_record(run.path, digest),
        temperature=temperature_of(run),
    )


def _from_export(path: Path, *, light: bool) -> Segmenter:
    card = ModelCard.read(path)
    network = load_light_network(path) if light else None
    logits, digest = _compiled(path, card) if network is None else (network.logits, network.weights_sha256)
    return Segmenter(
        name=card.name,
        architecture=card.architecture,
        preprocessing=card.preprocessing,
        pixel_size_nm=card.pixel_size_nm,
        logits=logits,
        sha256=_sha256([path / CARD_NAME, path / _GRAPH, *variable_files(path), *_existing(path / TRUST_NAME)]),
        network_sha256=digest,
        trust=trust_record(path, digest),
        temperature=card.temperature,
    )


def _compiled(path: Path, card: ModelCard) -> tuple[Logits, str]:
    """Return the logits of an exported model in TensorFlow, and the digest of its weights."""
    import_keras()
    from tem_rf.models.ensemble import mean_logits
    from tem_rf.models.merging import compile_inference

    networks = load_exported_networks(path, card.architecture, card.members)
    functions = [compile_inference(network, card.architecture) for network in networks]
    return functions[0] if card.members == 1 else mean_logits(functions), weights_digest(networks)


def trust_record(folder: Path, digest: str) -> TrustRecord | None:
    """Return the record in the folder of a model or run, unless it is of other weights.

    Raises:
        ModelError: The record is damaged.
    """
    record = TrustRecord.read(folder)
    return record if record is not None and record.network_sha256 == digest else None


def weights_digest(networks: "Sequence[keras.Model]") -> str:
    """Digest of the weights of a network, or of several that are averaged; the names of the layers do not count."""
    digest = hashlib.sha256()
    for network in networks:
        for weight in network.weights:
            digest.update(np.ascontiguousarray(weight, np.float32).data)
    return digest.hexdigest()


def load_exported_networks(path: Path, architecture: Architecture, members: int) -> "list[keras.Model]":
    """Build the networks of an exported model: one, or the members of an ensemble.

    Raises:
        ModelError: Variables are missing, damaged, or of another architecture.
    """
    from tem_rf.models.ensemble import member_networks

    if members == 1:
        return [load_exported_network(path, architecture)]
    require_room_for(architecture, sum(file.stat().st_size for file in variable_files(path)) // members, path)
    try:
        return member_networks(read_variables(path), architecture, members)
    except (KeyError, ValueError) as error:
        raise ModelError(
            f"{path}: expected the variables of {members} networks, as {CARD_NAME} says; one is missing or of another "
            f"shape ({error}). Export the runs again."
        ) from error


def load_averaged(paths: Sequence[Path]) -> Segmenter:
    """Load runs of one architecture and preprocessing as one network, which averages their probabilities.

    The average of several has no temperature.

    Raises:
        ModelError: As for `load_segmenter`.
    """
    from tem_rf.models.ensemble import mean_logits

    segmenters = [load_segmenter(path) for path in paths]
    if len(segmenters) == 1:
        return segmenters[0]
    return replace(
        segmenters[0],
        logits=mean_logits([segmenter.logits for segmenter in segmenters]),
        network_sha256="",
        trust=None,
        temperature=UNCALIBRATED,
    )


def load_exported_network(path: Path, architecture: Architecture) -> "keras.Model":
    """Build the network of an exported model; only the variables of its SavedModel are read from the folder.

    Raises:
        ModelError: They are missing, damaged, or of another architecture.
    """
    from tem_rf.models.unet import build_unet

    require_room_for(architecture, sum(file.stat().st_size for file in variable_files(path)), path)
    values = read_variables(path)
    model = build_unet(architecture)
    for weight in model.weights:
        value = values.get(weight.path)
        if value is None or value.shape != tuple(weight.shape):
            raise ModelError(
                f"{path}: expected a variable {weight.path} of shape {tuple(weight.shape)}, as {CARD_NAME} says; "
                f"found {'none' if value is None else value.shape}. Export the run again."
            )
        weight.assign(value)
    return model


def _existing(file: Path) -> list[Path]:
    return [file] if file.exists() else []


def _sha256(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
