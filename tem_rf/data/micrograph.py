"""A micrograph: an image with its pixel size and metadata."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Micrograph:
    """One image as the microscope recorded it.

    Attributes:
        pixels: (height, width) counts, in the dtype of the file.
        pixel_size_nm: Pixel size [nm]; None if neither the file nor the user gives it.
        path: The source file; None for an image created in memory.
        notes: Notes of the reader for the user, such as "RGB converted to grey".
        metadata: Other metadata of the file, as plain JSON types.
        recorded_shape: Height and width in the file, on which its label was drawn, if the image was resampled.
    """

    pixels: np.ndarray
    pixel_size_nm: float | None = None
    path: Path | None = None
    notes: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    recorded_shape: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """Stem of the file name, by which it is paired with its label."""
        return self.path.stem if self.path else "micrograph"
