"""What is known about the reliability of a network: `trust.json` in the folder of its model or run."""

from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tem_rf.config.training import settings_error
from tem_rf.errors import ModelError
from tem_rf.files import parse_json, write_text
from tem_rf.trust.statistics import STATISTICS

TRUST_NAME = "trust.json"
TRUSTED_DICE = 0.7  # a mask above it counts as good
CENTRE_STEP = 0.05  # of standardized statistics; finer centres change nothing and make a larger file
_VERSION = 2


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ExpectedDice(_Part):
    """Expected dice and oddness from statistics: sums of Gaussians around typical images, 0 far from all of them."""

    centres: tuple[tuple[int, ...], ...] = Field(
        description="Typical images: standardized statistics in units of 0.05."
    )
    weights: tuple[float, ...] = Field(description="One per centre.")
    odd_weights: tuple[float, ...] = Field(
        description="One per centre, for the oddness: 1 for images whose masks are never trusted, else 0."
    )
    inverse_width: float = Field(description="Factor of the squared distance in the exponent.")
    steps: tuple[float, ...] = Field(description="Expected dice at which the next interval begins.")
    low: tuple[float, ...] = Field(description="Lower end of each interval, relative to the expected dice.")
    high: tuple[float, ...] = Field(description="Upper end of each interval, relative to the expected dice.")

    @cached_property
    def places(self) -> np.ndarray:
        """(centres, n) float64, the centres in standardized statistics."""
        return CENTRE_STEP * np.array(self.centres, float)

    @cached_property
    def both_weights(self) -> np.ndarray:
        """(centres, 2) float64, the weights for expected dice and oddness."""
        return np.stack([self.weights, self.odd_weights], axis=1)


class Reasons(_Part):
    """How to tell from statistics why a mask is poor: a linear score per reason, and the dose."""

    names: tuple[str, ...] = Field(description="Reasons; the first is that nothing is wrong.")
    weights: tuple[tuple[float, ...], ...] = Field(description="Weights of the statistics for each reason.")
    offsets: tuple[float, ...]
    dose: tuple[float, ...] | None = Field(
        None, description="Weights of log10(dose / usual dose), and its offset; None if the doses were not known."
    )


class HeldOutError(_Part):
    """Error of the expected dice, and of the verdicts, on images that it was not fitted to."""

    images: int
    mean_absolute: float = Field(description="Mean absolute error of the expected dice.")
    within_interval: float = Field(description="Share of the images whose dice is within the interval.")
    flagged: float | None = Field(description="Share of the images with dice below 0.7 that are flagged.")
    foreign_flagged: float | None = Field(None, description="Share of the images that are no micrographs, likewise.")
    false_alarms: float | None = Field(description="Share of the images with dice of 0.7 and more that are flagged.")


class DiceMap(_Part):
    """Mean dice over two conditions: one row per value of the first, one column per value of the second."""

    rows: str = Field(description="First condition, with its unit.")
    columns: str = Field(description="Second condition, with its unit.")
    row_values: tuple[float, ...]
    column_values: tuple[float, ...]
    dice: tuple[tuple[float | None, ...], ...]
    images: int = Field(description="Images per value.")
    usual: tuple[int, int] | None = Field(
        None, description="Row and column of the conditions of the training; None: not known."
    )


class TrustRecord(_Part):
    """Statistics of the images on which a network was tried, the dice that they predict, and where it may be used."""

    schema_version: int = _VERSION
    network_sha256: str = Field(description="Digest of the weights; the record holds for these only.")
    tried_on: tuple[str, ...] = Field(description="Presets, or folders of labelled micrographs.")
    images: int = Field(description="Images that the expected dice was fitted to.")
    statistics: tuple[str, ...] = STATISTICS
    mean: tuple[float, ...] = Field(description="Subtracted to standardize the statistics.")
    sd: tuple[float, ...] = Field(description="Divided by to standardize the statistics.")
    expected_dice: ExpectedDice
    threshold: float = Field(description="Masks whose expected dice is below it are flagged.")
    max_odd: float = Field(description="Images of more oddness are flagged.")
    max_distance: float = Field(description="Images farther from the closest centre are flagged.")
    reasons: Reasons
    error: HeldOutError
    maps: tuple[DiceMap, ...] = ()

    def standardize(self, statistics: np.ndarray) -> np.ndarray:
        """(..., n) statistics in units of their standard deviation; extremes are limited."""
        return np.asarray(np.clip((statistics - np.array(self.mean)) / np.array(self.sd), -LIMIT, LIMIT))

    def write(self, folder: Path) -> None:
        """Write the record into the folder of a model or run.

        Raises:
            StorageError: The disk is full or the folder is not writable.
        """
        write_text(folder / TRUST_NAME, self.model_dump_json() + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the record of a model or run; None if there is none, or one of other statistics.

        Raises:
            ModelError: The record is damaged.
        """
        path = folder / TRUST_NAME
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
            if content.get("schema_version") != _VERSION or tuple(content.get("statistics", ())) != STATISTICS:
                return None
            return cls.model_validate(content)
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise ModelError(f"{path}: {settings_error(error)} {_AGAIN}") from error
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise ModelError(f"{path}: cannot be read ({error}). {_AGAIN}") from error


LIMIT = 6.0
_AGAIN = "Delete it, or make it again with `tem-rf trust`."
