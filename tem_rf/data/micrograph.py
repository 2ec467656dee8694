"""A micrograph: an image with a pixel size and what the file said about it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Micrograph:
    """One image as the microscope recorded it.

    Attributes:
        pixels: (height, width) counts, in the dtype of the file.
        pixel_size_nm: Side of a pixel [nm]; None where neither the file nor the user says.
        path: The file it came from; None for an image made in memory.
        notes: What the reader did that the user should know, such as "RGB turned to grey".
        metadata: What else the file said, as plain JSON types.
        recorded_shape: Height and width in the file, on which its label was drawn, where the image was resampled.
    """

    pixels: np.ndarray
    pixel_size_nm: float | None = None
    path: Path | None = None
    notes: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    recorded_shape: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """Stem of the file, which pairs it with its label."""
        return self.path.stem if self.path else "micrograph"
