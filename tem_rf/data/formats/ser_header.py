"""The header of a SER file, checked before rosettasciio allocates what it claims.

Layout: Boothroyd, "The SER file format" (https://www.er-c.org/cbb/info/TIAformat/).
"""

import struct
from pathlib import Path

from tem_rf.errors import ReadError

_VERSION_64_BIT = 0x0220
_IMAGES = 0x4122
_BYTES_PER_VALUE = {1: 1, 2: 2, 3: 4, 4: 1, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 16}
_CALIBRATION_BYTES = {0x4120: 20, _IMAGES: 40}


def check_ser_header(path: Path) -> None:
    """Refuse a SER file whose header claims more than the file holds.

    Raises:
        ReadError: It is no SER file, holds spectra, or is truncated or damaged.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            order, series, version, kind, _tag, _total, count = struct.unpack("<HHHIIII", file.read(22))
            if (order, series) != (0x4949, 0x0197):
                raise ReadError(f"{path}: no SER file (it lacks the stamp of one); check its name.")
            if kind not in _CALIBRATION_BYTES:
                raise ReadError(f"{path}: data of unknown kind {kind:#x}; the file is damaged, copy it again.")
            wide = version >= _VERSION_64_BIT
            (array_offset,) = struct.unpack("<Q" if wide else "<I", file.read(8 if wide else 4))
            file.seek(array_offset)
            (offset,) = struct.unpack("<Q" if wide else "<I", file.read(8 if wide else 4))
            file.seek(offset + _CALIBRATION_BYTES[kind])
            (value_kind,) = struct.unpack("<H", file.read(2))
            height_width = struct.unpack("<II", file.read(8)) if kind == _IMAGES else struct.unpack("<I", file.read(4))
    except (struct.error, OSError, OverflowError) as error:
        raise ReadError(f"{path}: ends within its header; it is truncated, copy it again.") from error
    values = height_width[0] * height_width[-1] if kind == _IMAGES else height_width[0]
    claimed = count * values * _BYTES_PER_VALUE.get(value_kind, 1)
    if claimed > size or count > size or array_offset + count * (8 if wide else 4) > size:
        raise ReadError(
            f"{path}: the header claims {count} elements of {values} values, the file holds {size} bytes; "
            "it is truncated or damaged, copy it again."
        )
