"""The trained network that a training starts from: a model, a run, a `.keras` file, or a published PyTorch file."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tem_rf.architecture import Architecture
from tem_rf.architecture.layers import CLASSES, layers
from tem_rf.config.preparation import Normalization
from tem_rf.errors import ArchitectureError, ModelError, ReadError, SettingsError
from tem_rf.files import parse_json
from tem_rf.inference.card import ModelCard
from tem_rf.inference.model_choice import model_folder
from tem_rf.models.published_weights import published_normalization, read_published_network
from tem_rf.runs.config import Ancestor
from tem_rf.runs.folder import RunFolder
from tem_rf.saved_models import CARD_NAME

if TYPE_CHECKING:
    import keras

_KERAS, _LITERT = ".keras", ".tflite"
_CONFIG_LIMIT_BYTES = 2**24  # of the description of the layers, which takes some 100 kB
_VARIABLES = Path("variables") / "variables.data-00000-of-00001"


@dataclass(frozen=True)
class StartingPoint:
    """A trained network whose weights can be read.

    Attributes:
        ancestor: What a run records of it.
        architecture: Its architecture.
        load: Builds it, without running anything that its files contain. Raises ModelError or ReadError where they are
            damaged.
    """

    ancestor: Ancestor
    architecture: Architecture
    load: "Callable[[], keras.Model]"

    def require(self, architecture: Architecture) -> None:
        """Refuse another architecture; only its second output may differ.

        Raises:
            SettingsError: The weights do not fit it.
        """
        ours = self.architecture
        if replace(architecture, second_output=ours.second_output) != ours:
            raise SettingsError(
                f"`network`: {architecture.name} does not fit {self.ancestor.name} ({ours.name}); use {ours.name}, or "
                "leave it out."
            )

    def ancestor_of(self, architecture: Architecture) -> Ancestor:
        """What a run of an architecture records of it."""
        known = {layer.name for layer in layers(self.architecture)}
        lacks = tuple(layer.name for layer in layers(architecture) if layer.name not in known)
        return self.ancestor.model_copy(update={"lacks": lacks})


def find_starting_point(name: str, runs: Path) -> StartingPoint:
    """Find a trained network; neither Keras nor TensorFlow is loaded for that.

    Args:
        name: Path of a folder or file; or name of a run, of a saved model, or of an included model.
        runs: Folder of the runs.

    Raises:
        ModelError: There is none, or it is damaged or of other channels or classes.
        ReadError: A PyTorch file contains no network of the study.
        RunError: The run cannot be read.
    """
    path = Path(name)
    if path.is_file():
        return _from_file(path)
    if path.suffix in (_KERAS, _LITERT, ".h5", ".pt", ".pth") and not path.exists():
        raise ModelError(f"{name}: no such file; expected a `.keras` file or a PyTorch file of the study.")
    return _from_folder(model_folder(name, runs))


def _from_folder(folder: Path) -> StartingPoint:
    keras_file = folder / "model.keras"
    if (folder / CARD_NAME).exists():
        if (folder / _VARIABLES).exists():
            return _from_export(folder)
        if keras_file.exists():
            return _from_keras_file(keras_file, folder)
        raise _no_weights(folder)
    run = RunFolder(folder)
    if run.config_file.exists():
        if not keras_file.exists():
            raise ModelError(f"{folder}: this run has not finished an epoch, so it has no trained network yet.")
        return _from_keras_file(keras_file, folder)
    raise _no_weights(folder)


def _no_weights(folder: Path) -> ModelError:
    if any(folder.glob(f"*{_LITERT}")):
        return ModelError(
            f"{folder}: contains the network for LiteRT only, whose weights cannot be trained; expected the folder "
            "that `tem-rf export` wrote, with saved_model.pb and variables/."
        )
    return ModelError(f"{folder}: contains neither a run nor an exported model; see `tem-rf runs` and `tem-rf export`.")


def _from_file(path: Path) -> StartingPoint:
    if path.suffix == _LITERT:
        raise ModelError(
            f"{path}: a LiteRT file, whose weights cannot be trained; name the folder of the exported model or a "
            "`.keras` file."
        )
    if path.suffix == _KERAS:
        return _from_keras_file(path, path.parent)
    return _from_published_file(path)


def _from_export(folder: Path) -> StartingPoint:
    card = ModelCard.read(folder)
    if card.members > 1:
        raise ModelError(
            f"{folder}: averages {card.members} networks, of which no single one can be trained further; start from "
            "one of the runs that were averaged."
        )

    def load() -> "keras.Model":
        from tem_rf.inference.model import load_exported_network

        return load_exported_network(folder, card.architecture)

    pixel_size_nm, normalization = card.pixel_size_nm, card.preprocessing.normalization
    ancestor = _ancestor(folder, folder / _VARIABLES, pixel_size_nm, normalization)
    return StartingPoint(ancestor, card.architecture, load)


def _from_keras_file(path: Path, folder: Path) -> StartingPoint:
    """A `.keras` file; pixel size and normalization are those of the run or export that it is part of."""
    architecture = _architecture_of_keras_file(path)
    pixel_size_nm: float | None = None
    normalization: Normalization | None = None
    if path.name == "model.keras":
        record: Any = None
        if (folder / CARD_NAME).exists():
            record = ModelCard.read(folder)
        elif RunFolder(folder).config_file.exists():
            record = RunFolder(folder).config
        if record is not None:
            pixel_size_nm, normalization = record.pixel_size_nm, record.preprocessing.normalization

    def load() -> "keras.Model":
        from tem_rf.runs.network import read_keras_file

        return read_keras_file(path, architecture, advice="it is damaged, get it again")

    called = folder if normalization is not None else path
    return StartingPoint(_ancestor(called, path, pixel_size_nm, normalization), architecture, load)


def _from_published_file(path: Path) -> StartingPoint:
    try:
        network = read_published_network(path)
    except ReadError as error:
        raise ReadError(f"{error} A training starts from a model, a run, a `.keras` file or such a file.") from error
    _require_two_classes(
        path, network.weights["encoder0_conv1/kernel"].shape[2], network.weights["head/kernel"].shape[3]
    )

    def load() -> "keras.Model":
        from tem_rf.models.published_unet import build_published_unet

        try:
            return build_published_unet(network)
        except ReadError as error:
            raise ReadError(f"{path}: {error}") from error

    ancestor = _ancestor(path, path, None, published_normalization(network.architecture))
    return StartingPoint(ancestor, network.architecture, load)


def _ancestor(path: Path, weights: Path, pixel_size_nm: float | None, normalization: Normalization | None) -> Ancestor:
    name = path.stem if path.is_file() else path.resolve().name
    try:
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{weights}: cannot be read ({error.strerror}); change its permissions.") from error
    return Ancestor(
        name=name, path=path.resolve(), sha256=sha256, pixel_size_nm=pixel_size_nm, normalization=normalization
    )


def _architecture_of_keras_file(path: Path) -> Architecture:
    """The architecture, which the name of the network gives; its layers are looked at, not built."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo("config.json")
            if member.file_size > _CONFIG_LIMIT_BYTES:
                raise ValueError("its description of the layers is too large")
            config = parse_json(archive.read(member))["config"]
        described = {layer["config"]["name"]: layer["config"] for layer in config["layers"]}
        name = config["name"]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile, json.JSONDecodeError) as error:
        raise ModelError(
            f"{path}: cannot be read as a `.keras` file ({error}); it is damaged, get it again."
        ) from error
    try:
        architecture = Architecture.from_name(str(name))
        channels, classes = described["micrograph"]["batch_shape"][-1], described["head"]["filters"]
    except (ArchitectureError, KeyError, TypeError, IndexError) as error:
        raise ModelError(
            f"{path}: contains the network {name!r}, which is none of tem-rf; expected one that `tem-rf train` or "
            "`tem-rf export` wrote."
        ) from error
    _require_two_classes(path, channels, classes)
    return architecture


def _require_two_classes(path: Path, channels: int, classes: int) -> None:
    if channels != 1:
        raise ModelError(f"{path}: takes images of {channels} channels; expected a network of micrographs, 1 channel.")
    if classes != CLASSES:
        raise ModelError(f"{path}: has {classes} classes; expected {CLASSES}, background and particle.")
