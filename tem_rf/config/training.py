"""Settings of one training, and the recipes, which are named sets of them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tem_rf.config.marks import Flags
from tem_rf.errors import SettingsError

Seed = Annotated[int, Field(ge=0, lt=2**32)]  # as NumPy and Keras take them
STUDY_SEEDS = (752, 2245, 140, 9213, 956)


MIN_VALIDATION_MICROGRAPHS = 3
"""With fewer, the score of an epoch is chance."""
SMOOTHED_EPOCHS = 3


def _no_layers(value: Any) -> Any:
    return None if value == "none" else value


class TrainingSettings(BaseModel):
    """How a network is trained; the field defaults are the recipe `paper`.

    Source: Sytwu et al. 2022, "Network Training".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    recipe: str = Field("paper", description="Name of the recipe that these settings are based on.")
    epochs: int = Field(100, ge=1, description="Passes over the training patches and their eight transforms.")
    batch_size: int = Field(32, ge=1, description="Patches per optimizer step.")
    learning_rate: float = Field(1e-4, gt=0, description="Learning rate of Adam.")
    learning_rate_schedule: Annotated[Literal["constant", "cosine"], Flags("schedule")] = Field(
        "constant", description="constant; cosine: warm-up over the first 5 % of the steps, then cosine decay to 0."
    )
    loss: Literal["cross_entropy", "cross_entropy_dice", "focal"] = Field(
        "cross_entropy", description="Loss function: cross_entropy, cross_entropy_dice (plus 1 - soft dice), focal."
    )
    weight_averaging: float | None = Field(
        None, gt=0, lt=1, description="Momentum per step of the averaged weights, which are validated and saved."
    )
    early_stopping_patience: Annotated[int | None, Flags("patience")] = Field(
        None, ge=1, description="Epochs without an improved validation hard dice before training stops."
    )
    keep: Literal["best", "smooth", "last", "auto"] = Field(
        "best",
        description="Epoch whose network is kept: best validation hard dice; smooth: best mean over "
        f"{SMOOTHED_EPOCHS} epochs; last; auto: best, but last (smooth with early stopping) if fewer than "
        f"{MIN_VALIDATION_MICROGRAPHS} micrographs validate.",
    )
    freeze: Annotated[Literal["encoder", "encoder_and_bottleneck"] | None, BeforeValidator(_no_layers)] = Field(
        None, description="Layers that keep the weights of the model that the training starts from; none by default."
    )
    normalization: Literal["dataset", "auto", "standard", "robust"] = Field(
        "dataset",
        description="Normalization that the network learns: dataset: as prepared; standard; robust, which does not "
        "move with the coverage; auto: robust where the dataset is standard. From a model: that of the model.",
    )
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        "float32", description="Arithmetic precision of the layers."
    )


# Found by experiment: docs/experiments.md, "The recipe".
_BEST: dict[str, Any] = {
    "epochs": 33,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "learning_rate_schedule": "cosine",
    "loss": "cross_entropy_dice",
    "keep": "auto",
    "normalization": "auto",  # docs/experiments.md, "Coverage"
}
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {},
    "best": _BEST,
    "robust": _BEST,  # with the augmentation of `RECIPE_AUGMENTATION`
    # To start from a trained model: docs/experiments.md, "Starting from a model".
    "finetune": {
        "epochs": 6,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "learning_rate_schedule": "cosine",
        "loss": "cross_entropy_dice",
        "keep": "auto",
    },
}
DEFAULT_RECIPE = "best"
FINETUNE_RECIPE = "finetune"
"""The default where a training starts from a model."""


def training_settings(recipe: str = DEFAULT_RECIPE, **changes: Any) -> TrainingSettings:
    """The settings of a recipe, with changes.

    Raises:
        SettingsError: Unknown recipe, unknown setting, or a value out of range.

    >>> training_settings("paper", epochs=150).epochs
    150
    """
    if recipe not in tuple(RECIPES):  # a tuple, since a value such as a list has no hash
        raise SettingsError(f"`recipe`: expected one of {', '.join(sorted(RECIPES))}, received {recipe!r}.")
    try:
        return TrainingSettings(**{"recipe": recipe, **RECIPES[recipe], **changes})
    except ValidationError as error:
        raise settings_error(error, TrainingSettings) from error


_EXPECTED = {
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_parsing": "expected a number",
}


def settings_error(error: ValidationError, model: type[BaseModel] | None = None) -> SettingsError:
    """Report the first error that pydantic found, in one line.

    Args:
        error: Error from pydantic.
        model: The settings the user gave: the line names the setting in backticks. For an unknown one it lists all
            settings. None if a file was read: the line names the field as the file does.
    """
    first = error.errors()[0]
    field = _shortened(".".join(map(str, first["loc"]))) or "settings"
    if model is not None and first["loc"]:
        field = f"`{_shortened(str(first['loc'][0]))}`"
    if first["type"] == "value_error":
        where = f"{field}: " if first["loc"] else ""
        return SettingsError(f"{where}{first['ctx']['error']}".removesuffix(".") + ".")
    if first["type"] in ("too_short", "missing"):
        return SettingsError(
            f"{field}: expected {'one or more' if first['type'] == 'too_short' else 'a value'}, received none."
        )
    if first["type"] == "extra_forbidden" and model is not None:
        return SettingsError(f"{field}: unknown setting; expected one of {', '.join(model.model_fields)}.")
    what = _EXPECTED.get(first["type"], f"{first['msg'][0].lower()}{first['msg'][1:]}")
    return SettingsError(f"{field}: {what}, received {_shortened(repr(first['input']))}.")


def _shortened(text: str) -> str:
    """Text that fits a message: a file may give a name or a value of any length."""
    return text if len(text) <= 200 else f"{text[:197]}..."
