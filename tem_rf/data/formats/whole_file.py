"""Whether a DM3, DM4 or SER file is whole, by its header, without reading its pixels.

Digital Micrograph writes the length of all its tags into the header, TIA where the last image ends.
"""

import struct
from pathlib import Path

from tem_rf.data.formats.ser import ends_with_its_last_image

_DM_LENGTHS = {3: struct.Struct(">4xI"), 4: struct.Struct(">4xQ")}  # after the version
_DM_HEADERS = {3: 16, 4: 24}  # bytes that the length does not count
_DM_END = bytes(8)  # an empty tag

SUFFIXES = (".dm3", ".dm4", ".ser")
"""Files for which `is_whole` knows."""


def is_whole(path: Path, first: bytes, last: bytes, size: int) -> bool:
    """Whether a file has all bytes that its header claims.

    Args:
        path: The file; its suffix is one of `SUFFIXES`.
        first: Its first bytes, at least 24 if it has as many.
        last: Its last bytes, at least 8.
        size: Its size [bytes].

    Raises:
        OSError: It cannot be read.
    """
    if path.suffix.lower() == ".ser":
        return ends_with_its_last_image(path)
    version = int.from_bytes(first[:4], "big")
    if version not in _DM_LENGTHS or len(first) < _DM_HEADERS[version]:
        return False
    (length,) = _DM_LENGTHS[version].unpack_from(first)
    return length > 0 and length + _DM_HEADERS[version] <= size and last.endswith(_DM_END)
