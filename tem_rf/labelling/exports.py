"""Files for other programs, written beside the label at every save and taken back as a step."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from tem_rf.data.names import stem_of
from tem_rf.errors import SettingsError
from tem_rf.particles.formats.choice import FORMATS
from tem_rf.particles.formats.geojson import write_geojson
from tem_rf.particles.formats.rois import write_rois

EXPORTS: dict[str, Callable[[Path, Iterable[np.ndarray]], None]] = {"rois": write_rois, "geojson": write_geojson}
"""Writers of the formats that Fiji and QuPath edit, by name."""


def export_files(names: Iterable[str], label_file: Path, micrograph: Path | None) -> dict[str, Path]:
    """Return the files to write beside a label, by the name of their format.

    Args:
        names: Formats, among those of `EXPORTS`.
        label_file: The label.
        micrograph: The micrograph, whose stem begins their names.

    Raises:
        SettingsError: A format is unknown.
    """
    for name in names:
        if name not in EXPORTS:
            raise SettingsError(f"`write`: expected formats among {', '.join(EXPORTS)}, received {name!r}.")
    stem = stem_of(micrograph or label_file)
    return {name: label_file.with_name(f"{stem}{FORMATS[name].ending}") for name in names}


def write_export(name: str, path: Path, numbers: np.ndarray) -> None:
    """Write the particles for another program; pixels that are not sure are left out, since its formats have none.

    Args:
        name: Format.
        path: File to write, atomically.
        numbers: (height, width) int32 instance numbers.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    EXPORTS[name](path, [np.maximum(numbers, 0)])
