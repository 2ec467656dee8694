"""Check micrographs and labels before preparing a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tem_rf.config.marks import Group, Positional
from tem_rf.config.preparation import PixelSizeNm
from tem_rf.config.reading import ReadingSettings, reading_settings
from tem_rf.jobs.request import Request

if TYPE_CHECKING:
    from tem_rf.data.check import FolderCheck


class CheckRequest(Request):
    """Micrographs and labels to check."""

    command = ("data", "check")

    folder: Annotated[Path, Positional()] = Field(
        description="Folder of micrographs, or of images/ and labels/ (or masks/), or a file."
    )
    labels: Path | None = Field(None, description="Folder of labels, or a COCO file, if they are elsewhere.")
    pixel_size_nm: PixelSizeNm | None = Field(
        None, ge=1e-5, description="Pixel size [nm], which overrides the one in the files."
    )
    resample: bool = Field(False, description="Resample micrographs whose pixels are not square.")
    reading: Annotated[ReadingSettings, Group(reading_settings)]


def check(request: CheckRequest) -> "FolderCheck":
    """Check micrographs and labels.

    Raises:
        ReadError: The folder contains no micrographs.
    """
    from tem_rf.data.check import check_folder

    return check_folder(
        request.folder,
        request.labels,
        pixel_size_nm=request.pixel_size_nm,
        resample=request.resample,
        reading=request.reading,
    )
