"""The pixel size in a TIFF: only where ImageJ, OME or a microscope's own tag states it.

The plain TIFF resolution (dots per inch or cm) describes paper and screens, and is never taken for a scale.
"""

from typing import Any
from xml.etree import ElementTree

from tem_rf.data.pixel_size import length_nm

Sides = tuple[float, float]

# Tags DigitalMicrograph writes: unit and size of a pixel along the first and the second direction.
_DM_UNIT_TAGS = (65004, 65003)
_DM_SIZE_TAGS = (65010, 65009)


def read_pixel_sides(tiff: Any, page: Any) -> tuple[Sides | None, tuple[str, ...]]:
    """Height and width of a pixel [nm] and notes.

    Args:
        tiff: Open tifffile.TiffFile.
        page: The page that carries the tags.
    """
    for read in (_imagej, _ome, _fei, _tvips, _digital_micrograph, _olympus):
        sides = read(tiff, page)
        if sides is not None:
            return sides, ()
    return None, ()


def _imagej(tiff: Any, page: Any) -> Sides | None:
    if not tiff.is_imagej:
        return None
    unit = (tiff.imagej_metadata or {}).get("unit")
    # unit=inch and unit=cm are what ImageJ makes of a print resolution
    return _sides(_pixel_length(page, "YResolution"), _pixel_length(page, "XResolution"), unit)


def _ome(tiff: Any, page: Any) -> Sides | None:
    if not tiff.is_ome:
        return None
    for element in ElementTree.fromstring(tiff.ome_metadata).iter():
        if element.tag.endswith("}Pixels") and "PhysicalSizeX" in element.attrib:
            x, y = element.get("PhysicalSizeX"), element.get("PhysicalSizeY", element.get("PhysicalSizeX"))
            y_nm = length_nm(float(y or 0), element.get("PhysicalSizeYUnit", "µm"))  # µm is the default of OME
            x_nm = length_nm(float(x or 0), element.get("PhysicalSizeXUnit", "µm"))
            return (y_nm, x_nm) if y_nm and x_nm else None
    return None


def _fei(tiff: Any, page: Any) -> Sides | None:
    metadata = tiff.fei_metadata or {}
    scan = metadata.get("Scan") or {}
    if "PixelHeight" in scan and "PixelWidth" in scan:
        return _sides(scan["PixelHeight"], scan["PixelWidth"], "m")
    beam = metadata.get((metadata.get("Beam") or {}).get("Beam")) or {}
    image = metadata.get("Image") or {}
    if {"HFW", "VFW"} <= beam.keys() and {"ResolutionX", "ResolutionY"} <= image.keys():
        return _sides(beam["VFW"] / image["ResolutionY"], beam["HFW"] / image["ResolutionX"], "m")
    return None


def _tvips(tiff: Any, page: Any) -> Sides | None:
    metadata = tiff.tvips_metadata or {}
    if metadata.get("Version") == 2:
        return _sides(metadata["PixelSizeY"], metadata["PixelSizeX"], "nm")
    return None


def _digital_micrograph(tiff: Any, page: Any) -> Sides | None:
    units = [page.tags.valueof(tag) for tag in _DM_UNIT_TAGS]
    sizes = [page.tags.valueof(tag) for tag in _DM_SIZE_TAGS]
    if None in units or None in sizes:
        return None
    y_nm, x_nm = (length_nm(size, unit) for size, unit in zip(sizes, units, strict=True))
    return (y_nm, x_nm) if y_nm and x_nm else None


def _olympus(tiff: Any, page: Any) -> Sides | None:
    metadata = tiff.sis_metadata or {}
    if {"pixelsizex", "pixelsizey"} <= metadata.keys():
        return _sides(metadata["pixelsizey"], metadata["pixelsizex"], "m")
    return None


def _pixel_length(page: Any, tag: str) -> float:
    numerator, denominator = page.tags.valueof(tag, default=(0, 1))
    return denominator / numerator if numerator else 0.0


def _sides(y: float, x: float, unit: str | None) -> Sides | None:
    y_nm, x_nm = length_nm(y, unit), length_nm(x, unit)
    return (y_nm, x_nm) if y_nm and x_nm else None
