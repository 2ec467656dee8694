"""The model card as a page: README.md in the model folder."""

import shlex
from pathlib import Path

from tem_rf.exporting.micrographs import simulated_doses
from tem_rf.exporting.trust_page import trust_section
from tem_rf.files import write_text
from tem_rf.inference.card import MicrographSet, ModelCard
from tem_rf.plots.robustness import ROBUSTNESS
from tem_rf.runs.config import Ancestor
from tem_rf.trust.record import TrustRecord

PAGE_NAME = "README.md"
_UNSAID = (("keep", "best"), ("normalization", "dataset"))  # as before these settings existed


def write_card_page(folder: Path) -> None:
    """Write README.md of a model folder from its `model.json` and `trust.json`.

    Raises:
        ModelError: The folder contains no model, or one of the files is damaged.
        StorageError: The disk is full or the folder is not writable.
    """
    picture = ROBUSTNESS if (folder / ROBUSTNESS).exists() else ""
    write_text(folder / PAGE_NAME, card_page(ModelCard.read(folder), TrustRecord.read(folder), picture))


def card_page(card: ModelCard, trust: TrustRecord | None = None, picture: str = "") -> str:
    """Return the content of `model.json` as Markdown, for a person deciding whether to use the model.

    Args:
        card: The card.
        trust: When its masks can be trusted, if that was recorded.
        picture: File beside the page with the maps of that.
    """
    sections = (
        _head(card),
        _use(card),
        _scores(card),
        _probabilities(card),
        trust_section(trust, picture),
        _data(card),
        _recipe(card),
        _limits(card),
        _files(card),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(card: ModelCard) -> str:
    field = card.receptive_field
    nanometres = "" if field.equation_size_nm is None else f", {field.equation_size_nm:.3g} nm"
    reach = "the whole image" if field.reach_px is None else f"up to {field.reach_px} px away"
    return (
        f"# {card.name}\n\n{card.purpose or 'Segments nanoparticles in transmission electron micrographs.'}\n\n"
        f"{_network(card)}, `{card.architecture.name}`, {card.parameters} parameters. Receptive field "
        f"{field.equation_size_px} px{nanometres} by equation (1) of Sytwu, Groschner & Scott (2022); a pixel depends "
        f"on others {reach}."
    )


def _network(card: ModelCard) -> str:
    if card.members == 1:
        return "A residual UNet"
    trained = "seeds" if card.folds is None else "folds of a cross-validation"
    return f"The mean probability of {card.members} residual UNets, trained on different {trained}"


def _use(card: ModelCard) -> str:
    command = shlex.join(["tem-rf", "segment", "FILE", "--model", card.name])
    lines = [
        f"In a terminal: `{command}`. In Python: "
        f'`tem_rf.segment("FILE", "{card.name}")`. '
        "Outside the folder of saved models, give the path of this folder instead of the name."
    ]
    if card.pixel_size_nm is not None:
        low, high = card.pixel_size_nm / 1.25, card.pixel_size_nm * 1.25
        lines.append(
            f"- Intended pixel size: {card.pixel_size_nm:.4g} nm ({low:.3g} to {high:.3g} nm); for other pixel sizes, "
            "add `rescale`."
        )
    if (normalization := card.preprocessing.normalization) != "standard":
        lines.append(f"- Normalization: {normalization}; tem-rf and the formats that take counts do it.")
    if card.architecture.has_distance:
        lines.append("- Splits touching particles by the distance to their edges, with `split_touching`.")
    if doses := simulated_doses(card.micrographs):
        lines.append(f"- Intended dose: {doses[0]:g} to {doses[-1]:g} e/Å².")
    return _section("Use", lines)


def _scores(card: ModelCard) -> str:
    rows = []
    if card.test is not None:
        images = "test patches of the dataset" if card.folds is None else "all patches, each by the fold without it"
        rows.append(f"| {images} | | {card.test.images} | {card.test.hard_dice:.3f} | |")
    for one in card.held_out:
        spread = "" if one.hard_dice_sd is None else f" ± {one.hard_dice_sd:.3f}"
        rows.append(
            f"| {one.name} | {one.kind} | {one.micrographs} | {one.hard_dice:.3f}{spread} | {one.min_hard_dice:.3f} |"
        )
    if not rows:
        return "## Hard dice\n\nThe network was not scored before export."
    head = ["| images | kind | number | mean ± sd over images | minimum |", "|---|---|---|---|---|"]
    return _section("Hard dice", ["None of these images was used for training.", "", *head, *rows])


def _probabilities(card: ModelCard) -> str:
    one = card.calibration
    if one is None:
        return ""
    return (
        "## Probabilities\n\n"
        f"Calibrated with a temperature of {one.temperature:.2f}, which does not change the mask. Expected calibration "
        f"error on the {one.images} images that it was fitted on ({one.fitted_on}): {one.error_after:.3f}, and "
        f"{one.error_before:.3f} without a temperature."
    )


def _data(card: ModelCard) -> str:
    if card.imported_from is not None:
        return f"## Data\n\nImported from `{card.imported_from.name}`, sha256 `{card.imported_from.sha256}`."
    lines = [f"Dataset `{card.dataset}`, sha256 `{card.dataset_sha256}`."]
    if card.coverage is not None:
        low, mean, high = card.coverage
        lines.append(f"Particles cover {low:.0%} to {high:.0%} of the training micrographs, {mean:.0%} on average.")
    if card.micrographs:
        lines += [
            "",
            "| micrographs | kind | number | patches | nm/px | particles nm | dose e/Å² | defocus nm | film nm |",
            "|---|---|---|---|---|---|---|---|---|",
            *map(_data_row, card.micrographs),
        ]
    return _section("Data", lines)


def _data_row(one: MicrographSet) -> str:
    numbers = (one.pixel_size_nm, one.diameter_nm, one.dose_e_per_angstrom2)
    ranges = (one.defocus_nm, one.carbon_nm)
    cells = [one.name, one.kind, str(one.micrographs), str(one.patches)]
    cells += ["" if number is None else f"{number:g}" for number in numbers]
    cells += ["" if pair is None else f"{pair[0]:g} to {pair[1]:g}" for pair in ranges]
    return f"| {' | '.join(cells)} |"


def _recipe(card: ModelCard) -> str:
    if card.training is None:
        return ""
    settings = ", ".join(
        f"{name.replace('_', ' ')} {value}"
        for name, value in card.training.model_dump(mode="json").items()
        if value is not None and name != "recipe" and (name, value) not in _UNSAID
    )
    lines = [f"Recipe `{card.training.recipe}`: {settings}. Best epoch {card.best_epoch}."]
    if card.started_from is not None:
        lines.append(_ancestry(card.started_from))
    if card.seeds:
        first = "seed" if card.folds is None else "fold"
        lines += ["", f"| {first} | validation hard dice | test hard dice |", "|---|---|---|"]
        for one in card.seeds:
            test = "" if one.test_hard_dice is None else f"{one.test_hard_dice:.3f}"
            number = one.seed if one.fold is None else one.fold
            is_chosen = card.members == 1 and one.seed == card.seed
            lines.append(
                f"| {f'**{number}** (this model)' if is_chosen else number} | {one.validation_hard_dice:.3f} | {test} |"
            )
    else:
        lines.append(f"Seed {card.seed}.")
    if card.made_by:
        lines += ["", f"Produced by `{card.made_by}`."]
    return _section("Recipe", lines)


def _ancestry(start: Ancestor) -> str:
    known = [f"sha256 `{start.sha256}`"]
    known += [] if start.pixel_size_nm is None else [f"{start.pixel_size_nm:.4g} nm/px"]
    known += [] if start.normalization is None else [f"normalization {start.normalization}"]
    return f"The training started from the weights of `{start.name}` ({', '.join(known)})."


def _limits(card: ModelCard) -> str:
    return _section("Limits", [f"- {limit}" for limit in card.limits]) if card.limits else ""


def _files(card: ModelCard) -> str:
    lines = [f"- `{one.file}`. Input: {one.takes}. Output: {one.gives}." for one in card.files]
    if card.license:
        authors = f", by {', '.join(card.authors)}" if card.authors else ""
        lines += ["", f"License: {card.license}{authors}."]
    return _section("Files", lines)


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([f"## {title}", "", *lines])
