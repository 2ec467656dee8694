"""Choose the models that segment a file: those given by the user, or the saved model of the closest pixel size."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tem_rf.config.preparation import PIXEL_SIZE_TOLERANCE
from tem_rf.data.formats.recording import Wanted
from tem_rf.data.readers import open_recording
from tem_rf.errors import ModelError, SettingsError
from tem_rf.inference.card import ModelCard
from tem_rf.inference.light_network import has_light_network
from tem_rf.inference.model import Segmenter, load_segmenter
from tem_rf.runs.folder import RunFolder
from tem_rf.saved_models import CARD_NAME, MODELS, SHIPPED_MODELS, closest_model, models_in


def choose_model(
    file: Path,
    models: Path,
    *,
    pixel_size_nm: float | None = None,
    rescale: bool = False,
    array: str | None = None,
) -> Path:
    """Return the model whose pixel size is closest to that of a micrograph.

    Args:
        file: The micrograph.
        models: Folder of exported models.
        pixel_size_nm: Pixel size [nm], which overrides the one in the file.
        rescale: Whether the micrograph will be rescaled to the model's pixel size, so that any model fits.
        array: Array to read if the file holds several.

    Raises:
        ModelError: No model has a matching pixel size, or the pixel size is unknown.
        ReadError: The file cannot be read.
    """
    here = pixel_size_nm or _pixel_size_nm(file, array)
    if here is None:
        raise ModelError(
            f"{file}: has no pixel size, so no model can be selected; give `pixel_size_nm`, or name a model with "
            "`model`."
        )
    cards = {path: card for path in models_in(models) if (card := _readable_card(path)) is not None}
    sizes = {path: card.pixel_size_nm for path, card in cards.items() if card.pixel_size_nm is not None}
    if not sizes:
        raise ModelError(
            f"{models}: contains no model with a pixel size; export one with `tem-rf export`, or name one with `model`."
        )
    nearest = closest_model(sizes, here)
    ratio = max(sizes[nearest] / here, here / sizes[nearest])
    rescales = rescale or cards[nearest].preprocessing.target_pixel_size_nm is not None
    if ratio > PIXEL_SIZE_TOLERANCE and not rescales:
        known = ", ".join(f"{path.name} at {size:g}" for path, size in sizes.items())
        raise ModelError(
            f"{file}: has {here:g} nm/px, but no model in {models} was trained at a similar pixel size ({known} "
            "nm/px); add `rescale`, or name a model with `model`."
        )
    return nearest


def _pixel_size_nm(file: Path, array: str | None) -> float | None:
    with open_recording(file, Wanted(array)) as recording:
        return recording.pixel_sides_nm and recording.pixel_sides_nm[1]


def _readable_card(folder: Path) -> ModelCard | None:
    """Read a card; None if it cannot be read, so that another model can still be selected."""
    try:
        return ModelCard.read(folder)
    except ModelError:
        return None


@dataclass(frozen=True)
class NetworkChoice:
    """Choice of the networks that segment a file.

    Attributes:
        named: Folders of exported models or runs, which are averaged; if empty, one is selected for each file.
        models: Folder of the models to select from.
        rescale: Rescale micrographs to the pixel size their network was trained at.
    """

    named: tuple[Path, ...]
    models: Path
    rescale: bool = False

    def resolved(self) -> "NetworkChoice":
        """Return the same choice with absolute paths."""
        return replace(self, named=tuple(path.resolve() for path in self.named), models=self.models.resolve())

    def candidates(self) -> list[Path]:
        """Folders of all models that may be loaded."""
        return list(self.named) or models_in(self.models)


class Networks:
    """Networks by file, each loaded once.

    Args:
        choice: Choice of the networks.
        light: Load them without TensorFlow, where that is possible for all candidates.
    """

    def __init__(self, choice: NetworkChoice, *, light: bool = False) -> None:
        self._choice, self._is_light = choice, light and all(map(has_light_network, choice.candidates()))
        self._loaded: dict[tuple[Path, ...], list[Segmenter]] = {}

    @property
    def names(self) -> list[str]:
        """Names of the networks loaded so far."""
        return list(dict.fromkeys(one.name for segmenters in self._loaded.values() for one in segmenters))

    @property
    def are_named(self) -> bool:
        """Whether all files are segmented by the same networks; otherwise a model is selected for each."""
        return bool(self._choice.named)

    def segmenters(
        self,
        file: Path,
        *,
        pixel_size_nm: float | None = None,
        array: str | None = None,
        on_step: Callable[[str], None] = lambda what: None,
        on_note: Callable[[str], None] = lambda note: None,
    ) -> list[Segmenter]:
        """Return the networks for a file.

        Args:
            file: The micrograph.
            pixel_size_nm: Pixel size [nm], which overrides the one in the file.
            array: Array to read if the file holds several.
            on_step: Called with the next step.
            on_note: Called with the model that was selected.

        Raises:
            ModelError: No model has a matching pixel size, or one cannot be read.
            ReadError: The file cannot be read.
            SettingsError: Micrographs cannot be rescaled because the network was trained without a pixel size.
        """
        choice = self._choice
        folders = choice.named or (
            choose_model(file, choice.models, pixel_size_nm=pixel_size_nm, rescale=choice.rescale, array=array),
        )
        if folders not in self._loaded:
            on_step(f"loading {', '.join(folder.name for folder in folders)}")
            self._loaded[folders] = [self._load(folder) for folder in folders]
        if not choice.named:
            trained_nm = self._loaded[folders][0].pixel_size_nm
            on_note(f"{file.name}: using model {folders[0]} (trained at {trained_nm:g} nm/px)")
        return self._loaded[folders]

    def _load(self, folder: Path) -> Segmenter:
        segmenter = load_segmenter(folder, light=self._is_light)
        if not self._choice.rescale or segmenter.preprocessing.target_pixel_size_nm is not None:
            return segmenter
        if segmenter.pixel_size_nm is None:
            raise SettingsError(
                f"`rescale`: {segmenter.name} was trained on micrographs without a pixel size; leave it out."
            )
        update = {"target_pixel_size_nm": segmenter.pixel_size_nm}
        return replace(segmenter, preprocessing=segmenter.preprocessing.model_copy(update=update))


def gives_distance(folder: Path) -> bool:
    """Whether the network of a run or an exported model has a distance output, without loading the network.

    Raises:
        ModelError: The card of the model cannot be read.
        RunError: The run has another schema version.
    """
    if (folder / CARD_NAME).exists():
        return ModelCard.read(folder).architecture.has_distance
    run = RunFolder(folder)
    return run.config_file.exists() and run.config.architecture.has_distance


def model_folder(model: str, runs: Path, models: Path = MODELS) -> Path:
    """Return the folder of a model or run, given as a path or as the name of a run, a saved or an included model.

    Raises:
        ModelError: There is no such model or run.
    """
    for path in (Path(model), runs / model, models / model, SHIPPED_MODELS / model):
        if path.is_dir():
            return path
    *names, last = (path.name for path in models_in(SHIPPED_MODELS))
    shipped = f"{', '.join(names)} or {last}" if names else last
    raise ModelError(
        f"{model}: no such model or run; expected a folder, the name of a run in {runs} or of a model in {models}, or "
        f"an included model ({shipped})."
    )
