"""Read micrographs in all common formats, with the pixel size in nm."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from tem_rf.config.reading import AS_IT_IS, ReadingSettings
from tem_rf.data.formats.dispatch import MICROGRAPH_SUFFIXES, find_opener
from tem_rf.data.formats.recording import MICROGRAPH, Recording, Wanted
from tem_rf.data.formats.remarks import collect_remarks
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.pixels import check_pixels, make_square, turn_grey
from tem_rf.errors import ReadError, TemRfError

__all__ = ["MICROGRAPH_SUFFIXES", "open_recording", "parsing", "read_frames", "read_micrograph"]

_SQUARE_TOLERANCE = 0.01


def read_micrograph(
    path: Path,
    *,
    pixel_size_nm: float | None = None,
    resample: bool = False,
    reading: ReadingSettings = AS_IT_IS,
) -> Micrograph:
    """Read a file that holds one image.

    Args:
        path: TIFF, PNG, JPEG, BMP, NPY, NPZ, HDF5, MRC, DM3, DM4, EMD, SER, EMI, HSPY or ZSPY.
        pixel_size_nm: Pixel size [nm], which overrides the one in the file.
        resample: Resample an image whose pixels are not square to its smaller side; otherwise it is rejected.
        reading: Which array and channel to read if there are several.

    Returns:
        The micrograph; its pixel size is None if neither the file nor the caller gives it.

    Raises:
        ReadError: The file is missing, damaged, a stack, or not an image (a spectrum, a diffraction pattern).
    """
    path = Path(path)
    with open_recording(path, Wanted(reading.array)) as recording:
        if recording.count != 1:
            raise ReadError(
                f"{path}: holds {recording.count} frames, expected one image; save the frame you want separately."
            )
        return _micrograph(path, recording, 0, pixel_size_nm, resample, reading.channel)


def read_frames(
    path: Path,
    *,
    pixel_size_nm: float | None = None,
    resample: bool = False,
    reading: ReadingSettings = AS_IT_IS,
) -> Iterator[Micrograph]:
    """Read the frames of a stack or movie in order, with one in memory at a time; an image is one frame.

    Args:
        path: As for `read_micrograph`.
        pixel_size_nm: As for `read_micrograph`.
        resample: As for `read_micrograph`.
        reading: As for `read_micrograph`.

    Yields:
        The frames, in the order of the file.

    Raises:
        ReadError: As for `read_micrograph`, except that stacks are allowed.
    """
    path = Path(path)
    with open_recording(path, Wanted(reading.array)) as recording:
        for index in range(recording.count):
            yield _micrograph(path, recording, index, pixel_size_nm, resample, reading.channel)


def read_frame(path: Path, index: int, *, reading: ReadingSettings = AS_IT_IS) -> tuple[Micrograph, int]:
    """Read one frame of a stack or movie without the others.

    Args:
        path: As for `read_micrograph`.
        index: Index of the frame; taken modulo the number of frames, so -1 is the last.
        reading: As for `read_micrograph`.

    Returns:
        The frame, and the number of frames in the file.

    Raises:
        ReadError: As for `read_frames`.
    """
    path = Path(path)
    with open_recording(path, Wanted(reading.array)) as recording:
        return _micrograph(path, recording, index % recording.count, None, False, reading.channel), recording.count


@contextmanager
def open_recording(path: Path, wanted: Wanted = MICROGRAPH) -> Iterator[Recording]:
    """Open a file in the format detected from its content. Any error of a parser becomes a ReadError.

    Args:
        path: File to open.
        wanted: The array to look for.

    Raises:
        ReadError: The file is missing, in an unknown format, or damaged.
    """
    if not path.exists():
        raise ReadError(f"{path}: no such file; check the path.")
    remarks: list[str] = []
    with ExitStack() as stack:
        with parsing(path, remarks):
            recording = stack.enter_context(find_opener(path)(path, wanted))

        def read_frame(index: int) -> np.ndarray:
            with parsing(path, remarks):
                return recording.read_frame(index)

        yield replace(recording, read_frame=read_frame, remarks=remarks)


@contextmanager
def parsing(
    path: Path,
    remarks: list[str],
    *,
    failure: type[TemRfError] = ReadError,
    advice: str = "it is truncated or damaged, copy it again or leave it out",
) -> Iterator[None]:
    """Turn any error of a parser on damaged files into one line.

    Args:
        path: The file, for the error.
        remarks: Collects warnings and log messages of the parser.
        failure: Error to raise if the file cannot be read.
        advice: What to do then.
    """
    try:
        with collect_remarks(remarks):
            yield
    except TemRfError:
        raise
    except PermissionError as error:
        raise failure(f"{path}: cannot be read ({error.strerror}); change its permissions.") from error
    except Exception as error:  # parsers can raise any exception on damaged files
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise failure(f"{path}: cannot be read ({reason}); {advice}.") from error


def _micrograph(
    path: Path, recording: Recording, index: int, pixel_size_nm: float | None, resample: bool, channel: int | None
) -> Micrograph:
    frame, picked = _pick_channel(path, recording, recording.read_frame(index), channel)
    pixels, notes = turn_grey(frame)
    notes = picked + notes
    check_pixels(path, pixels)
    sides, recorded_shape = recording.pixel_sides_nm, None
    if sides is not None and abs(sides[0] / sides[1] - 1) > _SQUARE_TOLERANCE:
        if resample:
            recorded_shape = pixels.shape
            pixels, side = make_square(path, pixels, sides)
            notes += (f"resampled: pixels were {sides[0]:.5g} nm high and {sides[1]:.5g} nm wide",)
            sides = (side, side)
        elif pixel_size_nm is None:
            raise ReadError(
                f"{path}: pixels are not square, {sides[0]:.5g} nm high and {sides[1]:.5g} nm wide; "
                "add `resample` to make them square, or give the pixel size if the file is wrong."
            )
    size_nm = sides[1] if sides else None
    if pixel_size_nm is not None and size_nm is not None and abs(size_nm / pixel_size_nm - 1) > _SQUARE_TOLERANCE:
        notes += (f"pixel size set to {pixel_size_nm:.5g} nm by the user; the file has {size_nm:.5g} nm",)
    return Micrograph(
        pixels,
        size_nm if pixel_size_nm is None else pixel_size_nm,
        path,
        (*recording.notes, *recording.remarks, *notes),
        recording.metadata,
        recorded_shape,
    )


def _pick_channel(
    path: Path, recording: Recording, frame: np.ndarray, channel: int | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The requested channel, or the first with a note. Colours are kept together unless a channel is requested."""
    present = frame.shape[2] if frame.ndim == 3 else 1
    if channel is not None:
        if channel > present:
            raise ReadError(f"{path}: has no channel {channel}; it holds {present}.")
        return (frame[..., channel - 1] if frame.ndim == 3 else frame), ()
    if not recording.channels:
        return frame, ()
    names = f" ({', '.join(recording.channel_names)})" if recording.channel_names else ""
    return frame[..., 0], (f"holds {present} channels{names}; used channel 1, select another with `channel`",)
