"""`calibration.json` in a run folder: the temperature of its network, and how reliable its probabilities are."""

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tem_rf.files import parse_json, write_json
from tem_rf.metrics.calibration import UNCALIBRATED, Reliability
from tem_rf.runs.folder import RunFolder


@dataclass(frozen=True)
class MeasuredReliability:
    """Reliability of the probabilities on some images.

    Attributes:
        images: Number of images.
        before: Of the probabilities as the network gives them.
        after: With the temperature; the same if there is none.
    """

    images: int
    before: Reliability
    after: Reliability


@dataclass(frozen=True)
class Calibration:
    """The calibration of a network.

    Attributes:
        network_sha256: SHA-256 of `model.keras`, the network that it belongs to.
        temperature: Divides the logits; None if the dataset has no validation images to fit it on.
        validation: On the images on which the temperature was fitted; None if there are none.
        test: On the test images; None if they were not scored.
    """

    network_sha256: str
    temperature: float | None
    validation: MeasuredReliability | None
    test: MeasuredReliability | None = None


_CALIBRATION = TypeAdapter(Calibration)


def write_calibration(run: RunFolder, calibration: Calibration) -> None:
    """Write `calibration.json`.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    write_json(run.calibration_file, asdict(calibration))


def read_calibration(run: RunFolder) -> Calibration | None:
    """Read `calibration.json`; None if it is missing or damaged, since `evaluate` writes it again."""
    try:
        content: Any = parse_json(run.calibration_file.read_text(encoding="utf-8"))
        return _CALIBRATION.validate_python(content)
    except (OSError, ValueError, ValidationError):
        return None


def temperature_of(run: RunFolder) -> float:
    """The temperature of the network of a run; 1 if none was fitted to it."""
    calibration = read_calibration(run)
    if calibration is None or calibration.network_sha256 != run.network_sha256:
        return UNCALIBRATED
    return calibration.temperature or UNCALIBRATED
