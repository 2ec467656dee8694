"""Where saved models are: the user's, or those that ship."""

from pathlib import Path

from tem_rf.inference.card import CARD_NAME

MODELS = Path("saved_models")
SHIPPED_MODELS = Path(__file__).parents[2] / MODELS


def models_or_shipped(models: Path = MODELS) -> Path:
    """The folder of models to choose from; where that of the default name holds none, those that ship."""
    return SHIPPED_MODELS if models == MODELS and not any(models.glob(f"*/{CARD_NAME}")) else models
