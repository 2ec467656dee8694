"""TIFF files as programs write them and tifffile does not, byte by byte (TIFF 6.0)."""

import struct
from collections.abc import Sequence

import numpy as np


def bare_tiff(
    image: np.ndarray,
    bits: int,
    *,
    photometric: int = 1,
    rows_per_strip: int | None = None,
    byte_counts: Sequence[int] | None = None,
    next_page: int = 0,
    big_endian: bool = False,
) -> bytes:
    """An uncompressed grey TIFF whose pixels have any number of bits, with the faults that are asked for.

    Args:
        image: (height, width) integers.
        bits: Bits of a pixel; rows start with a new byte.
        photometric: 0: MinIsWhite, 1: MinIsBlack.
        rows_per_strip: Rows of a strip; None: all.
        byte_counts: StripByteCounts to claim; None: the right ones.
        next_page: Where a further page is claimed to be; 0: there is none.
        big_endian: Byte order.
    """
    order, rows_per_strip = ">" if big_endian else "<", rows_per_strip or len(image)
    if bits % 8:
        planes = (image[..., None].astype(np.uint32) >> np.arange(bits)[::-1] & 1).astype(np.uint8)
        rows = np.packbits(planes.reshape(len(image), -1), axis=1)
    else:
        rows = np.ascontiguousarray(image.astype(f"{order}u{bits // 8}")).view(np.uint8).reshape(len(image), -1)
    strips = [rows[start : start + rows_per_strip].tobytes() for start in range(0, len(image), rows_per_strip)]
    offsets = np.cumsum([8, *map(len, strips[:-1])]).tolist()
    counts = list(byte_counts or map(len, strips))
    data = b"".join(strips) + bytes(sum(map(len, strips)) % 2)
    first_value = 8 + len(data) + 2 + 9 * 12 + 4
    places = (offsets[0], counts[0]) if len(strips) == 1 else (first_value, first_value + 4 * len(strips))
    tags = [
        (256, 4, 1, image.shape[1]),
        (257, 4, 1, len(image)),
        (258, 3, 1, bits),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (273, 4, len(strips), places[0]),
        (277, 3, 1, 1),
        (278, 4, 1, rows_per_strip),
        (279, 4, len(strips), places[1]),
    ]
    page = struct.pack(f"{order}H", len(tags))
    for code, kind, count, value in tags:
        packed = struct.pack(f"{order}Hxx" if kind == 3 else f"{order}I", value)
        page += struct.pack(f"{order}HHI", code, kind, count) + packed
    values = b"" if len(strips) == 1 else struct.pack(f"{order}{2 * len(strips)}I", *offsets, *counts)
    stamp = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(f"{order}I", 8 + len(data))
    return stamp + data + page + struct.pack(f"{order}I", next_page) + values
