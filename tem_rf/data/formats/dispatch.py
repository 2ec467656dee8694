"""Which format a file has: its first bytes decide, then its suffix."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tem_rf.data.formats.recording import Recording
from tem_rf.errors import ReadError

Opener = Callable[[Path], AbstractContextManager[Recording]]

# What is taken for a micrograph in a folder.
MICROGRAPH_SUFFIXES = (
    *(".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".npy", ".npz", ".h5", ".hdf5"),
    *(".mrc", ".mrcs", ".dm3", ".dm4", ".emd", ".ser", ".emi", ".hspy", ".zspy"),
)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_RASTER = (b"\x89PNG", b"\xff\xd8\xff", b"BM")
_MRC_STAMP = slice(208, 211)


def find_opener(path: Path) -> Opener:
    """Choose the function that opens a file.

    Raises:
        ReadError: It is empty, a folder, or of no known format.
    """
    suffix = path.suffix.lower()
    if path.is_dir() and suffix != ".zspy":
        raise ReadError(f"{path}: is a folder; expected an image file.")
    head = b"" if path.is_dir() else _first_bytes(path)
    if head.startswith(_TIFF):
        from tem_rf.data.formats.tiff import open_tiff

        return open_tiff
    if head.startswith(_RASTER):
        from tem_rf.data.formats.raster import open_raster

        return open_raster
    if head.startswith(b"\x93NUMPY"):
        from tem_rf.data.formats.arrays import open_npy

        return open_npy
    if head.startswith(b"PK\x03\x04") and suffix == ".npz":
        from tem_rf.data.formats.arrays import open_npz

        return open_npz
    if head.startswith(b"\x89HDF"):
        return _hdf5_opener(path)
    if head[_MRC_STAMP] == b"MAP" or suffix in (".mrc", ".mrcs"):
        from tem_rf.data.formats.mrc import open_mrc

        return open_mrc
    if suffix in (".ser", ".emi"):
        from tem_rf.data.formats.ser import open_ser

        return open_ser
    if suffix in (".dm3", ".dm4", ".zspy"):
        from tem_rf.data.formats.microscope import open_microscope_file

        return open_microscope_file
    raise ReadError(_unknown(path))


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(_MRC_STAMP.stop)
    if not head:
        raise ReadError(f"{path}: is empty (0 bytes); copy it again or leave it out.")
    return head


def _hdf5_opener(path: Path) -> Opener:
    """HDF5 is the outside of three formats: EMD of Velox, EMD of NCEM and HSPY, and plain arrays."""
    from tem_rf.data.formats.hdf5 import check_path, open_hdf5

    if path.suffix.lower() in (".emd", ".hspy"):
        check_path(path)
        from tem_rf.data.formats.velox import is_velox, open_velox

        if is_velox(path):
            return open_velox
        from tem_rf.data.formats.microscope import open_microscope_file

        return open_microscope_file
    return open_hdf5


def _unknown(path: Path) -> str:
    if path.suffix.lower() in MICROGRAPH_SUFFIXES:
        return f"{path}: does not begin as a {path.suffix} file does; it is damaged or wrongly named, copy it again."
    return f"{path}: of no known format; expected one of {' '.join(MICROGRAPH_SUFFIXES)}."
