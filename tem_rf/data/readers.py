"""Read micrographs of every kind a microscopist has, with the pixel size in nm."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from tem_rf.data.formats.recording import Recording
from tem_rf.data.micrograph import Micrograph
from tem_rf.errors import ReadError, TemRfError

Opener = Callable[[Path], AbstractContextManager[Recording]]

# Suffixes that are looked for in folders.
MICROGRAPH_SUFFIXES = frozenset(
    (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".npy", ".npz", ".h5", ".hdf5", ".mrc", ".mrcs")
    + (".dm3", ".dm4", ".emd", ".ser", ".emi", ".hspy", ".zspy")
)
# Damage makes single floats huge; no detector counts that far, and their squares would overflow.
_LARGEST_VALUE = 1e15


def read_micrograph(path: Path, *, pixel_size_nm: float | None = None, resample: bool = False) -> Micrograph:
    """Read a file that holds one image.

    Args:
        path: TIFF, PNG, JPEG, NPY, NPZ, HDF5, MRC, DM3, DM4, EMD, SER, EMI or HSPY.
        pixel_size_nm: Side of a pixel [nm], in place of what the file says.
        resample: Resample an image whose pixels are not square; otherwise it is refused.

    Returns:
        The micrograph; its pixel size is None where neither the file nor the caller says.

    Raises:
        ReadError: The file is missing, damaged, no image (a spectrum, a diffraction pattern) or a stack.
    """
    path = Path(path)
    with open_recording(path) as recording:
        if recording.count != 1:
            raise ReadError(
                f"{path}: holds {recording.count} frames, one image was expected; save the frame you want by itself."
            )
        return _micrograph(path, recording, 0, pixel_size_nm, resample)


def read_frames(path: Path, *, pixel_size_nm: float | None = None, resample: bool = False) -> Iterator[Micrograph]:
    """Read the frames of a stack or movie one after the other, with one frame in memory; an image is one frame.

    Args and errors as for `read_micrograph`.
    """
    path = Path(path)
    with open_recording(path) as recording:
        for index in range(recording.count):
            yield _micrograph(path, recording, index, pixel_size_nm, resample)


@contextmanager
def open_recording(path: Path) -> Iterator[Recording]:
    """Open a file in the format its content shows; whatever goes wrong in a parser becomes a ReadError.

    Raises:
        ReadError: The file is missing, of no known format, or damaged.
    """
    if not path.exists():
        raise ReadError(f"{path}: no such file; check the path.")
    with _read_errors(path), _opener(path)(path) as recording:
        yield recording


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    """Damaged bytes make parsers fail in any way they like, so everything but our own errors is translated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except TemRfError:
            raise
        except GeneratorExit:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise ReadError(f"{path}: cannot be read as an image ({reason}); copy it again or leave it out.") from error


def _opener(path: Path) -> Opener:
    with path.open("rb") as file:
        head = file.read(512)
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        from tem_rf.data.formats.tiff import open_tiff

        return open_tiff
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"BM")):
        from tem_rf.data.formats.raster import open_raster

        return open_raster
    if head.startswith(b"\x93NUMPY"):
        from tem_rf.data.formats.arrays import open_npy

        return open_npy
    if head.startswith(b"PK\x03\x04") and path.suffix.lower() == ".npz":
        from tem_rf.data.formats.arrays import open_npz

        return open_npz
    if head.startswith(b"\x89HDF") and path.suffix.lower() in (".h5", ".hdf5"):
        from tem_rf.data.formats.hdf5 import open_hdf5

        return open_hdf5
    if head[208:211] == b"MAP" or path.suffix.lower() in (".mrc", ".mrcs"):
        from tem_rf.data.formats.mrc import open_mrc

        return open_mrc
    raise ReadError(f"{path}: of no known format; expected TIFF, PNG, JPEG, NPY, NPZ, HDF5 or MRC.")


def _micrograph(
    path: Path, recording: Recording, index: int, pixel_size_nm: float | None, resample: bool
) -> Micrograph:
    pixels, notes = _grey(recording.read_frame(index))
    pixels = _native(pixels)
    _check_pixels(path, pixels)
    sides = recording.pixel_sides_nm
    if pixel_size_nm is None and sides is not None:
        if not np.isclose(*sides, rtol=0.01):
            raise ReadError(
                f"{path}: pixels are not square, {sides[0]:.5g} nm high and {sides[1]:.5g} nm wide; "
                "ask for resampling, or give the pixel size if the file is wrong."
            )
        pixel_size_nm = sides[1]
    return Micrograph(pixels, pixel_size_nm, path, (*recording.notes, *notes), recording.metadata)


def _grey(frame: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    if frame.ndim == 2:
        return frame, ()
    colour = frame[..., :3]
    if (colour == colour[..., :1]).all():
        return colour[..., 0], ("colour channels are equal, one taken",)
    grey = colour @ np.array([0.299, 0.587, 0.114], np.float32)  # luminance, ITU-R BT.601
    return np.rint(grey).astype(frame.dtype) if frame.dtype.kind in "ui" else grey, ("RGB turned to grey",)


def _native(pixels: np.ndarray) -> np.ndarray:
    dtype = np.dtype(np.uint8) if pixels.dtype == bool else pixels.dtype.newbyteorder("=")
    return np.ascontiguousarray(pixels, dtype=dtype)


def _check_pixels(path: Path, pixels: np.ndarray) -> None:
    if pixels.size == 0:
        raise ReadError(f"{path}: holds no pixels (shape {pixels.shape}); copy it again or leave it out.")
    if pixels.dtype.kind not in "uif":
        raise ReadError(f"{path}: pixels are {pixels.dtype}; expected real numbers.")
    bad = int(pixels.size - np.isfinite(pixels).sum())
    if bad:
        raise ReadError(f"{path}: {bad} of {pixels.size} pixels are NaN or infinite; mend or leave out this image.")
    if pixels.dtype.kind == "f" and np.abs(pixels).max() > _LARGEST_VALUE:
        raise ReadError(f"{path}: values up to {np.abs(pixels).max():.1e}; the file is damaged, copy it again.")
