"""MRC images and stacks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tem_rf.data.formats.recording import Recording, check_claimed_size, frames_of
from tem_rf.data.pixel_size import length_nm
from tem_rf.errors import ReadError


@contextmanager
def open_mrc(path: Path) -> Iterator[Recording]:
    """Open an MRC file; frames come from a memory map."""
    import mrcfile

    with mrcfile.mmap(path, mode="r", permissive=True) as mrc:  # many programs leave the map stamp out
        if mrc.data is None:
            raise ReadError(f"{path}: its header does not fit its length; it is truncated or damaged, copy it again.")
        check_claimed_size(path, mrc.data.shape, mrc.data.dtype, path.stat().st_size, compressed=False)
        count, read_frame = frames_of(path, mrc.data)
        y_nm, x_nm = (length_nm(float(side), "Å") for side in (mrc.voxel_size.y, mrc.voxel_size.x))
        sides = (y_nm, x_nm) if y_nm and x_nm else None
        yield Recording(count, read_frame, sides, metadata={"format": "MRC"})
