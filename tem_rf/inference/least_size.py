"""How small a particle may be."""

import math

from tem_rf.errors import SettingsError

# Two outlines that lie within 2 px of each other count as the same (`evaluation.boundary`), so the diameter of
# a particle is known to 4 px, and that of a speck of less than twice as much not at all.
LEAST_DIAMETER_PX = 8.0
# Of two lattice planes of a metal, 0.2 to 0.25 nm apart: what is narrower shows no lattice.
LEAST_DIAMETER_NM = 0.5


def least_diameter_px(
    pixel_size_nm: float | None, *, given_px: float | None = None, given_nm: float | None = None
) -> float:
    """Diameter of the smallest disc that counts as a particle [px].

    Args:
        pixel_size_nm: Side of a pixel [nm]; None where it is not known.
        given_px: What the user chose [px]; None for 8 px, and 0.5 nm where that is more.
        given_nm: What the user chose [nm].

    Raises:
        SettingsError: Both are given, or nm without a pixel size.

    >>> least_diameter_px(0.125), least_diameter_px(0.02), least_diameter_px(0.5, given_nm=2)
    (8.0, 25.0, 4.0)
    """
    if given_px is not None and given_nm is not None:
        raise SettingsError("min_diameter_px and min_diameter_nm: both say how small a particle may be; give one.")
    if given_px is not None:
        return given_px
    if given_nm is not None:
        if pixel_size_nm is None:
            raise SettingsError(
                "min_diameter_nm: expected a micrograph with a pixel size, received one without; give "
                "--pixel-size-nm, or --min-diameter-px instead."
            )
        return given_nm / pixel_size_nm
    return LEAST_DIAMETER_PX if pixel_size_nm is None else max(LEAST_DIAMETER_PX, LEAST_DIAMETER_NM / pixel_size_nm)


def disc_area_px(diameter_px: float) -> float:
    """Area of a disc [px]."""
    return math.pi * diameter_px**2 / 4
