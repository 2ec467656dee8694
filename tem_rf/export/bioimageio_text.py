"""The documentation inside a bioimage.io package: what the network is for, and what a user must do."""

from tem_rf.inference.card import ModelCard


def documentation(card: ModelCard) -> str:
    """Text of README.md, in Markdown."""
    return "\n\n".join([f"# {card.name}", _purpose(card), _input(card), _output(), _training(card), _validation(card)])


def _purpose(card: ModelCard) -> str:
    field = card.receptive_field
    nanometres = "" if field.equation_size_nm is None else f" ({field.equation_size_nm:.3g} nm)"
    return (
        "Finds nanoparticles in transmission electron micrographs. The network is a residual UNet, "
        f"`{card.architecture.name}`, with {card.parameters} parameters; its receptive field is "
        f"{field.equation_size_px} px{nanometres} by equation (1) of Sytwu, Groschner & Scott (2022)."
    )


def _input(card: ModelCard) -> str:
    preprocessing = card.preprocessing
    lines = [
        "## Input",
        "One micrograph in grey, counts of the camera. The program that runs this package normalizes it.",
    ]
    if card.pixel_size_nm is not None:
        lines.append(
            f"- **Pixel size**: {card.pixel_size_nm:.4g} nm. Rescale micrographs that differ by more than a quarter."
        )
    if preprocessing.xray_threshold is not None:
        lines.append(
            f"- **X-ray outliers**: replace pixels more than {preprocessing.xray_threshold:g} counts above the median "
            "before (in Fiji: Process > Noise > Remove Outliers, radius 1). The test micrograph holds none."
        )
    if preprocessing.flat_field_px is not None:
        lines.append(
            f"- **Illumination**: divide by the micrograph blurred by a Gaussian of {preprocessing.flat_field_px:g} px "
            "before."
        )
    reach_px = card.receptive_field.reach_px
    lines.append(
        "- **Tiles**: none; the network looks at the whole image."
        if reach_px is None
        else f"- **Tiles**: a pixel depends on others up to {reach_px} px away; the halo of this package holds them. "
        "Normalize the whole micrograph before cutting it."
    )
    return "\n".join([lines[0], "", lines[1], "", *lines[2:]])


def _output() -> str:
    return "## Output\n\nThe probability that a pixel belongs to a particle. The mask is where it exceeds 0.5."


def _training(card: ModelCard) -> str:
    if card.imported_from is not None:
        return f"## Training\n\nImported from `{card.imported_from.name}`, sha256 `{card.imported_from.sha256}`."
    return f"## Training\n\nDataset `{card.dataset}`, seed {card.seed}, best epoch {card.best_epoch}."


def _validation(card: ModelCard) -> str:
    scores = (
        "The network was not scored on test images before it was exported."
        if card.test is None
        else f"On {card.test.images} test patches the mean dice is {card.test.hard_dice:.3f} (mask) and "
        f"{card.test.soft_dice:.3f} (probability)."
    )
    return (
        f"## Validation\n\n{scores} Label a few micrographs of your own by hand and compare: "
        "`tem-rf segment --labels` prints dice, and particles found, missed and merged."
    )
