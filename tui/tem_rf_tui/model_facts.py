"""The facts about a model that are shown beside it: its card, and when to trust its masks."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tem_rf.errors import ModelError
from tem_rf.saved_models import CARD_NAME, closest_model


class _Architecture(BaseModel):
    name: str = "?"


class _TestScores(BaseModel):
    hard_dice: float


class _Card(BaseModel):
    """The fields of `model.json` that are shown."""

    architecture: _Architecture = _Architecture()
    dataset: str | None = None
    pixel_size_nm: float | None = None
    test: _TestScores | None = None


def model_facts(folder: Path) -> str:
    """Return the facts in `model.json` of an exported model, or a note for a run."""
    try:
        card = _Card.model_validate_json((folder / CARD_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "best network of a run; press {results.export} on the Results screen to export it"
    except ValidationError as error:
        return f"✗ {folder / CARD_NAME}: is not a valid model card ({error.errors()[0]['msg']}); export the model again"
    except (OSError, UnicodeError) as error:
        return f"✗ {folder / CARD_NAME}: cannot be read ({error}); export the model again"
    lines = [
        f"network {card.architecture.name}",
        f"dataset {Path(card.dataset).name}" if card.dataset else "dataset unknown",
        f"pixel size {card.pixel_size_nm} nm" if card.pixel_size_nm else "pixel size unknown",
        f"test hard dice {card.test.hard_dice:.3f}" if card.test else "not evaluated",
    ]
    return "\n".join([*lines, *_trust_facts(folder)])


def nearest_model(models: Sequence[Path], pixel_size_nm: float | None) -> Path | None:
    """Return the exported model of the closest pixel size; None if a pixel size is unknown.

    Args:
        models: Folders of models.
        pixel_size_nm: Pixel size of the micrographs [nm].
    """
    if pixel_size_nm is None:
        return None
    sizes = {model: size for model in models if (size := _pixel_size_of(model))}
    return closest_model(sizes, pixel_size_nm) if sizes else None


def _pixel_size_of(model: Path) -> float | None:
    try:
        return _Card.model_validate_json((model / CARD_NAME).read_text(encoding="utf-8")).pixel_size_nm
    except (OSError, UnicodeError, ValidationError):  # of a run, or damaged
        return None


def _trust_facts(folder: Path) -> list[str]:
    """Lines on when to trust the masks of a model: error, and dice over two conditions."""
    from tem_rf.trust.record import TrustRecord

    try:
        record = TrustRecord.read(folder)
    except ModelError as error:
        return [f"✗ {error}"]
    if record is None:
        return ["", "no record of when to trust its masks;", f"make one: tem-rf trust {folder.name}"]
    lines = ["", f"expected dice ± {record.error.mean_absolute:.2f}"]
    for one in record.maps:
        width = max(len(f"{value:.3g}") for value in (*one.row_values, *one.column_values)) + 1
        if not one.rows:  # one below the other: side by side they would not fit
            lines += ["", f"dice by {one.columns}"]
            pairs = zip(one.column_values, one.dice[0], strict=True)
            lines += [f"{value:.3g}".rjust(width) + _dice_cell(dice, 6) for value, dice in pairs]
            continue
        lines += ["", f"dice by {one.rows} (down) and {one.columns}"]
        lines.append(" " * width + "".join(f"{value:.3g}".rjust(width) for value in one.column_values))
        for value, row in zip(one.row_values, one.dice, strict=True):
            lines.append(f"{value:.3g}".rjust(width) + "".join(_dice_cell(dice, width) for dice in row))
    return lines


def _dice_cell(dice: float | None, width: int) -> str:
    return ("–" if dice is None else f"{dice:.2f}").rjust(width)
