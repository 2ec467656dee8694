"""ImageJ and Fiji regions of interest: one in a .roi file, a set of them in a .zip."""

import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from tem_rf.data.label_formats.label import Label
from tem_rf.data.label_formats.outlines import Region, draw_regions
from tem_rf.data.label_formats.roles import Roles
from tem_rf.errors import DatasetError

ROI_SUFFIXES = (".roi", ".zip")
_WITHOUT_AREA = ("LINE", "FREELINE", "POLYLINE", "ANGLE", "POINT", "NOROI")
_LARGEST_ARCHIVE_BYTES = 256 * 2**20


def draw_rois(path: Path, shape: tuple[int, int], roles: Roles) -> Label:
    """Fill every region of a file: polygons, freehand and traced outlines, rectangles, ovals and compositions.

    Args:
        path: .roi file, or .zip of them; what else is in the archive is passed over.
        shape: Height and width of the micrograph.
        roles: What the user said; regions have no classes, so this changes nothing.

    Raises:
        DatasetError: The file holds lines and points only, or a region lies outside of the micrograph.
    """
    rois = _read(path)
    areas = [roi for roi in rois if roi.roitype.name not in _WITHOUT_AREA]
    if not areas:
        raise DatasetError(f"{path}: holds {len(rois)} regions and no area; outline the particles and save them again.")
    regions = [Region("", roi.coordinates(multi=True), name=f"region {roi.name!r}") for roi in areas]
    label = draw_regions(path, regions, shape, Roles())
    passed_over = len(rois) - len(areas)
    notes = (f"{passed_over} of its {len(rois)} regions are lines or points, and passed over",) if passed_over else ()
    return Label(label.mask, None, label.notes + notes, label.legend)


def _read(path: Path) -> list[Any]:
    import roifile

    if path.suffix.lower() != ".zip":
        return [roifile.ImagejRoi.frombytes(path.read_bytes())]
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if _is_roi(member)]
        size = sum(member.file_size for member in members)
        if size > _LARGEST_ARCHIVE_BYTES:
            raise DatasetError(f"{path}: unpacks to {size} bytes, which no set of regions needs; it is damaged.")
        if not members:
            held = ", ".join(archive.namelist()[:4]) or "nothing"
            raise DatasetError(f"{path}: holds no .roi files ({held}); save the regions by More, Save in Fiji.")
        return [roifile.ImagejRoi.frombytes(archive.read(member)) for member in members]


def _is_roi(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a region; macOS adds files of its own, whose names begin with a dot."""
    name = PurePosixPath(member.filename)
    return name.suffix.lower() == ".roi" and not name.name.startswith(".") and "__MACOSX" not in name.parts
