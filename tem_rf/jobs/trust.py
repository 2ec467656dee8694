"""Try a model under many conditions, so that it reports when its masks cannot be trusted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tem_rf.config.marks import ADVANCED, Flags, Positional, SeveralWords
from tem_rf.config.preparation import PIXEL_SIZE_TOLERANCE
from tem_rf.config.simulation import PRESETS, simulation_settings
from tem_rf.errors import SettingsError
from tem_rf.jobs.request import Request
from tem_rf.runs.root import DEFAULT_ROOT
from tem_rf.saved_models import CARD_NAME, MODELS

if TYPE_CHECKING:
    from tem_rf.trust.record import TrustRecord


class TrustRequest(Request):
    """A model to try, and the micrographs to try it on."""

    command = ("trust",)

    model: Annotated[str, Positional()] = Field(description="Exported model, or name or folder of a run.")
    simulate: Annotated[SeveralWords, Flags("simulate")] = Field(
        (),
        description="Presets to simulate micrographs from, or .json files of presets, separated by commas; default: "
        "all whose pixel size is about that of the model.",
    )
    labelled: Path | None = Field(
        None,
        description="Folder of labelled micrographs to try it on instead: as they are, and with more noise, blur, "
        "another scale, contrast and illumination.",
    )
    specimens: int = Field(
        60, ge=6, le=2000, description="Specimens to simulate, each under four doses and defoci; a third is held out."
    )
    seed: int = Field(0, ge=0, description="Random seed.")
    models: Annotated[Path, ADVANCED] = Field(MODELS, description="Folder of the models.")
    runs: Annotated[Path, ADVANCED] = Field(DEFAULT_ROOT, description="Folder of the runs.")


@dataclass(frozen=True)
class TrustOutcome:
    """The record that was made.

    Attributes:
        folder: Folder of the model or run.
        record: What was found.
    """

    folder: Path
    record: "TrustRecord"


def record_trust(request: TrustRequest, *, on_step: Callable[[str], None] = lambda what: None) -> TrustOutcome:
    """Try a model, and write `trust.json` and `robustness.png` into its folder.

    Args:
        request: What to try, and on what.
        on_step: Called with the current step.

    Raises:
        ModelError: There is no such model.
        SettingsError: There is no such preset, or none fits the pixel size of the model.
        DatasetError: The labelled folder is missing or empty, or a file has no partner.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.data.sources import find_pairs
    from tem_rf.files import make_writable
    from tem_rf.inference.model_choice import model_folder

    if request.simulate and request.labelled is not None:
        raise SettingsError("`labelled`: cannot be combined with `simulate`; give one of them.")
    folder = model_folder(request.model, request.runs, request.models)
    make_writable(folder)
    # Validate before loading the network.
    for preset in request.simulate:
        try:
            simulation_settings(preset)
        except SettingsError as error:
            raise SettingsError(f"`simulate`: {str(error).removeprefix('preset: ')}") from error
    if request.labelled is not None:
        find_pairs(request.labelled, None)
    on_step(f"loading {folder.name}")
    from tem_rf.models.backend import import_keras

    import_keras()
    from tem_rf.exporting.trial import try_on_micrographs, try_on_presets
    from tem_rf.inference.model import load_segmenter

    segmenter = load_segmenter(folder)
    if request.labelled is not None:
        record = try_on_micrographs(
            segmenter, request.labelled, specimens=request.specimens, seed=request.seed, on_step=on_step
        )
    else:
        presets = request.simulate or _presets_like(segmenter.pixel_size_nm, folder.name)
        record = try_on_presets(segmenter, presets, specimens=request.specimens, seed=request.seed, on_step=on_step)
    from tem_rf.plots.robustness import ROBUSTNESS, write_robustness

    record.write(folder)
    write_robustness(folder / ROBUSTNESS, [(folder.name, record.maps)])
    if (folder / CARD_NAME).exists():
        from tem_rf.exporting.card_page import write_card_page

        write_card_page(folder)
    return TrustOutcome(folder, record)


def _presets_like(pixel_size_nm: float | None, name: str) -> tuple[str, ...]:
    """Presets of about this pixel size."""
    if pixel_size_nm is None:
        raise SettingsError(
            f"`simulate`: {name} was trained without a pixel size, so no preset can be selected; give presets, or "
            "`labelled` micrographs."
        )
    sizes = {preset: simulation_settings(preset).pixel_size_nm for preset in PRESETS}
    found = tuple(
        preset
        for preset, size in sizes.items()
        if max(size / pixel_size_nm, pixel_size_nm / size) <= PIXEL_SIZE_TOLERANCE
    )
    if not found:
        raise SettingsError(
            f"`simulate`: no preset has about the pixel size of {name}, {pixel_size_nm:g} nm; give the .json file of "
            "your own, or `labelled` micrographs."
        )
    return found
