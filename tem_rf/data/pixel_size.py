"""Convert lengths in the many units of image files to nm."""

import math
import re

# Both micro signs (U+00B5, U+03BC) and both angstrom signs (U+00C5, U+212B) occur; NCEM's EMD writes n_m for nm.
_NM_PER_SYMBOL = {
    "fm": 1e-6,
    "pm": 1e-3,
    "A": 0.1,
    "Å": 0.1,
    "\u212b": 0.1,
    "nm": 1.0,
    "um": 1e3,
    "\u00b5m": 1e3,
    "\u03bcm": 1e3,
    "mm": 1e6,
    "m": 1e9,
}
_NM_PER_WORD = {
    "picometer": 1e-3,
    "angstrom": 0.1,
    "ångström": 0.1,
    "nanometer": 1.0,
    "micron": 1e3,
    "micrometer": 1e3,
    "millimeter": 1e6,
    "meter": 1e9,
}
_SAME_SCALE = 0.01
# An electron micrograph has between a hundredth of a picometre and a metre per pixel; anything else is damage.
_BELIEVABLE_NM = (1e-5, 1e9)


def length_nm(value: float, unit: str | None) -> float | None:
    """Convert a length to nm.

    Args:
        value: The number in the file.
        unit: Its unit, such as nm, µm, um, micron, pm, Å, A, m or n_m.

    Returns:
        The length [nm], or None if the unit is not a length or the value cannot be a pixel size.

    >>> length_nm(3e-06, "m"), length_nm(0.25, "µm"), length_nm(2.0, "A"), length_nm(1.0, "inch")
    (3000.0, 250.0, 0.2, None)
    """
    scale = _nm_per(unit)
    if scale is None:
        return None
    length = float(f"{float(value) * scale:.12g}")  # 3e-06 m is 3000 nm, not 2999.9999999999995
    return length if math.isfinite(length) and _BELIEVABLE_NM[0] <= length <= _BELIEVABLE_NM[1] else None


def is_same_scale(one_nm: float | None, other_nm: float | None) -> bool:
    """Whether micrographs of two pixel sizes may be in one dataset, since a network learns one scale.

    >>> is_same_scale(0.02152, 0.02155), is_same_scale(0.02, 0.03), is_same_scale(None, None), is_same_scale(0.02, None)
    (True, False, True, False)
    """
    if one_nm is None or other_nm is None:
        return one_nm is other_nm
    return abs(one_nm / other_nm - 1) <= _SAME_SCALE


def is_reciprocal(unit: str | None) -> bool:
    """Whether a unit belongs to a diffraction pattern: 1/nm, nm^-1, 1/Å, mrad.

    >>> is_reciprocal("1 / nm"), is_reciprocal("nm"), is_reciprocal("mrad")
    (True, False, True)
    """
    text = _normal(unit)
    return text.startswith("1/") or bool(re.search(r"\^?-1$|⁻¹$", text)) or text in ("rad", "mrad", "deg", "°")


def is_spectral(unit: str | None) -> bool:
    """Whether a unit belongs to an energy axis: eV, keV."""
    return _normal(unit).casefold() in ("ev", "kev", "mev")


def _nm_per(unit: str | None) -> float | None:
    text = _normal(unit)
    if text in _NM_PER_SYMBOL:
        return _NM_PER_SYMBOL[text]
    word = text.casefold().replace("metre", "meter")
    return _NM_PER_WORD.get(word) or _NM_PER_WORD.get(word.removesuffix("s"))


def _normal(unit: str | None) -> str:
    """Remove spaces, brackets and underscores; decode ImageJ's escapes (backslash u00B5)."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), str(unit or ""))
    return re.sub(r"[\s\[\]_\x00]", "", text)
