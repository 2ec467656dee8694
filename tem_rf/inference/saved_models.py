"""Where saved models are: the user's, or those that ship."""

from pathlib import Path

MODELS = Path("saved_models")
SHIPPED_MODELS = Path(__file__).parents[2] / MODELS


def models_or_shipped(models: Path = MODELS) -> Path:
    """The folder of models to choose from; where there is none of the default name, those that ship."""
    return SHIPPED_MODELS if models == MODELS and not models.exists() else models
