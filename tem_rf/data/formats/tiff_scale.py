"""The pixel size in a TIFF, only if ImageJ, OME or a microscope's own tag gives it.

The plain TIFF resolution (dots per inch or cm) is meant for paper and screens, and is never used as a scale.
"""

from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from tem_rf.data.pixel_size import is_reciprocal, length_nm
from tem_rf.errors import ReadError

# Tags written by DigitalMicrograph: unit and size of a pixel along x and along y.
_DM_UNIT_X, _DM_UNIT_Y, _DM_SIZE_X, _DM_SIZE_Y = 65003, 65004, 65009, 65010
_SIS, _FEI_SFEG, _FEI_HELIOS, _TVIPS = 33560, 34680, 34682, 37706


class Stated(NamedTuple):
    """Height and width of a pixel as in the file, each with its unit."""

    height: float
    width: float
    height_unit: str | None
    width_unit: str | None


def read_pixel_sides(path: Path, tiff: Any, page: Any) -> tuple[float, float] | None:
    """Height and width of a pixel [nm], or None if there is no reliable value.

    Args:
        path: The file, for the error.
        tiff: Open tifffile.TiffFile.
        page: The page with the tags.

    Raises:
        ReadError: The unit is that of a diffraction pattern.
    """
    for read in (_imagej, _ome, _fei, _tvips, _digital_micrograph, _olympus):
        stated = read(tiff, page)
        if stated is None:
            continue
        if is_reciprocal(stated.width_unit):
            raise ReadError(
                f"{path}: holds a diffraction pattern (its pixels are in {stated.width_unit}) and no image; "
                "expected a micrograph, leave this file out."
            )
        height, width = length_nm(stated.height, stated.height_unit), length_nm(stated.width, stated.width_unit)
        if height and width:
            return height, width
    return None


def is_calibrated(page: Any) -> bool:
    """Whether a page has the tag in which a microscope stores its scale."""
    return any(tag in page.tags for tag in (_DM_SIZE_X, _SIS, _FEI_SFEG, _FEI_HELIOS, _TVIPS))


def _imagej(tiff: Any, page: Any) -> Stated | None:
    if not tiff.is_imagej:
        return None
    unit = tiff.imagej_metadata.get("unit")  # `inch` and `cm`, which ImageJ makes of print resolutions, are not used
    return Stated(_pixel_length(page, "YResolution"), _pixel_length(page, "XResolution"), unit, unit)


def _ome(tiff: Any, page: Any) -> Stated | None:
    if not tiff.is_ome:
        return None
    for element in ElementTree.fromstring(tiff.ome_metadata).iter():
        if element.tag.endswith("}Pixels") and "PhysicalSizeX" in element.attrib:
            width = element.attrib["PhysicalSizeX"]
            height = element.get("PhysicalSizeY", width)
            units = (element.get(f"PhysicalSize{axis}Unit", "µm") for axis in "YX")  # µm is OME's default
            return Stated(float(height), float(width), *units)
    return None


def _fei(tiff: Any, page: Any) -> Stated | None:
    metadata = tiff.fei_metadata or {}
    scan = metadata.get("Scan") or {}
    if {"PixelHeight", "PixelWidth"} <= scan.keys():
        return Stated(scan["PixelHeight"], scan["PixelWidth"], "m", "m")
    beam = metadata.get((metadata.get("Beam") or {}).get("Beam")) or {}
    image = metadata.get("Image") or {}
    if {"HFW", "VFW"} <= beam.keys() and {"ResolutionX", "ResolutionY"} <= image.keys():
        return Stated(beam["VFW"] / image["ResolutionY"], beam["HFW"] / image["ResolutionX"], "m", "m")
    return None


def _tvips(tiff: Any, page: Any) -> Stated | None:
    metadata = tiff.tvips_metadata or {}
    if metadata.get("Version") == 2:
        return Stated(metadata["PixelSizeY"], metadata["PixelSizeX"], "nm", "nm")
    return None


def _digital_micrograph(tiff: Any, page: Any) -> Stated | None:
    values = [page.tags.valueof(tag) for tag in (_DM_SIZE_Y, _DM_SIZE_X, _DM_UNIT_Y, _DM_UNIT_X)]
    return None if None in values else Stated(*values)


def _olympus(tiff: Any, page: Any) -> Stated | None:
    """On the page of the data, which is not the first if a preview comes before it."""
    metadata = page.tags.valueof(_SIS) or tiff.sis_metadata or {}
    if isinstance(metadata, dict) and {"pixelsizex", "pixelsizey"} <= metadata.keys():
        return Stated(metadata["pixelsizey"], metadata["pixelsizex"], "m", "m")
    return None


def _pixel_length(page: Any, tag: str) -> float:
    numerator, denominator = page.tags.valueof(tag, default=(0, 1))
    return denominator / numerator if numerator else 0.0
