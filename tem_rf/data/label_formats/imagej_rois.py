"""ImageJ and Fiji regions of interest: a single one in a .roi file, a set in a .zip file."""

import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from tem_rf.data.label_formats.label import Label
from tem_rf.data.label_formats.outlines import Region, by_frame, draw_regions
from tem_rf.data.label_formats.roles import Roles
from tem_rf.data.label_formats.stated_numbers import number_in
from tem_rf.errors import DatasetError

ROI_SUFFIXES = (".roi", ".zip")
_WITHOUT_AREA = ("LINE", "FREELINE", "POLYLINE", "ANGLE", "POINT", "NOROI")
_LARGEST_ARCHIVE_BYTES = 256 * 2**20


def draw_rois(path: Path, shape: tuple[int, int], roles: Roles, frames: int = 1) -> list[Label]:
    """Fill all regions of a file: polygons, freehand and traced outlines, rectangles, ovals and composites.

    Args:
        path: .roi file, or .zip file of them; other files in the archive are ignored.
        shape: Height and width of the micrograph.
        roles: The user's roles; they have no effect, since regions have no classes.
        frames: Number of frames of the micrograph.

    Returns:
        A label; or one per frame of a stack, if each region has a position in it.

    Raises:
        DatasetError: The file holds only lines and points, or a region is outside the micrograph or the stack.
    """
    rois = _read(path)
    areas = [roi for roi in rois if roi.roitype.name not in _WITHOUT_AREA]
    if not areas:
        raise DatasetError(
            f"{path}: holds {len(rois)} regions but no areas; outline the particles and save them again."
        )
    regions = [
        Region(
            "",
            roi.coordinates(multi=True),
            name=f"region {roi.name!r}",
            number=number_in(roi.name),
            frame=roi.t_position or roi.z_position or roi.position or None,
        )
        for roi in areas
    ]
    labels = [draw_regions(path, part, shape, Roles()) for part in by_frame(path, regions, frames)]
    passed_over = len(rois) - len(areas)
    notes = (f"{passed_over} of its {len(rois)} regions are lines or points and were ignored",) if passed_over else ()
    return [replace(label, notes=label.notes + notes) for label in labels]


def _read(path: Path) -> list[Any]:
    import roifile

    if path.suffix.lower() != ".zip":
        return [roifile.ImagejRoi.frombytes(path.read_bytes())]
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if _is_roi(member)]
        size = sum(member.file_size for member in members)
        if size > _LARGEST_ARCHIVE_BYTES:
            raise DatasetError(f"{path}: unpacks to {size} bytes, too many for a set of regions; it is damaged.")
        if not members:
            held = ", ".join(archive.namelist()[:4]) or "nothing"
            raise DatasetError(
                f"{path}: holds no .roi files ({held}); save the regions in Fiji's ROI Manager, More, Save."
            )
        return [roifile.ImagejRoi.frombytes(archive.read(member)) for member in members]


def _is_roi(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a region; macOS adds its own files, whose names start with a dot."""
    name = PurePosixPath(member.filename)
    return name.suffix.lower() == ".roi" and not name.name.startswith(".") and "__MACOSX" not in name.parts
