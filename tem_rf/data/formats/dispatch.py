"""Detect the format of a file, by its first bytes, then by its suffix."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from tem_rf.data.formats.recording import Recording, Wanted
from tem_rf.errors import ReadError

Opener = Callable[[Path, Wanted], AbstractContextManager[Recording]]

# Suffixes of files in a folder that are treated as micrographs.
MICROGRAPH_SUFFIXES = (
    *(".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".npy", ".npz", ".h5", ".hdf5"),
    *(".mrc", ".mrcs", ".dm3", ".dm4", ".emd", ".ser", ".emi", ".hspy", ".zspy"),
)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_RASTER = (b"\x89PNG", b"\xff\xd8\xff", b"BM")
_MRC_STAMP = slice(208, 211)
# Common files that are not micrographs, and what to do with them.
_KNOWN_OTHERS = (
    (b"MATLAB 5.0", "is a MATLAB file; save the image as TIFF with imwrite, or the array as HDF5 with h5write"),
    (b"GIF8", "is a GIF, which has only 256 colours; save the image as TIFF or PNG"),
    (b"RIFF", "is a video or a WebP image; save its frames as TIFF"),
    (b"%PDF", "is a PDF; export the image itself as TIFF or PNG"),
    (b"<?xml", "is an XML file that describes an image; use the image itself"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the image; fetch it with `git lfs pull`"),
    (b"<!DOCTYPE html", "is a web page, not an image; download the file again"),
    (b"<html", "is a web page, not an image; download the file again"),
)


def find_opener(path: Path) -> Opener:
    """Find the function that opens a file.

    Raises:
        ReadError: It is empty, a folder, or in an unknown format.
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

        return partial(open_microscope_file, kind="zspy" if suffix == ".zspy" else "digitalmicrograph")
    raise ReadError(_unknown(path, head))


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(_MRC_STAMP.stop)
    if not head:
        raise ReadError(f"{path}: is empty (0 bytes); copy it again or leave it out.")
    return head


def _hdf5_opener(path: Path) -> Opener:
    """Four formats are HDF5 files: EMD from Velox, EMD from NCEM, HSPY, and plain arrays."""
    from tem_rf.data.formats.hdf5 import hdf5_kind, open_hdf5

    kind = hdf5_kind(path)
    if kind == "velox":
        from tem_rf.data.formats.velox import open_velox

        return open_velox
    if kind in ("emd", "hspy"):
        from tem_rf.data.formats.microscope import has_rosettasciio, open_microscope_file

        if path.suffix.lower() in (".emd", ".hspy") or has_rosettasciio():
            return partial(open_microscope_file, kind=kind)
    return open_hdf5


def _unknown(path: Path, head: bytes) -> str:
    for start, what in _KNOWN_OTHERS:
        if head.lstrip().startswith(start):
            return f"{path}: {what}."
    if path.suffix.lower() in MICROGRAPH_SUFFIXES:
        return (
            f"{path}: does not start like a {path.suffix} file; it is damaged or has the wrong suffix, copy it again."
        )
    return f"{path}: unknown format; expected one of {' '.join(MICROGRAPH_SUFFIXES)}."
