"""Damaged files: a micrograph with sane values, or a ReadError of one line; nothing else, quickly, in little memory."""

import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile

from tem_rf.data.readers import read_frames, read_micrograph
from tem_rf.errors import ReadError
from tests.helpers.odd_tiffs import bare_tiff
from tests.helpers.repository import SHARED
from tests.helpers.written_files import (
    WRITERS,
    counts,
    write_deflated_tiff,
    write_imagej_tiff,
    write_mrc,
    write_png,
    write_ser,
)

# What reading needs whatever the file: buffers of decoders and parsers.
FIXED_BYTES = 4 * 2**20
REAL_FILES = ("rosettasciio/test-2.dm3", "rosettasciio/test-2.dm4", "rosettasciio/test_STEM_image.dm3")


def damage(content: bytes, random: np.random.Generator) -> bytes:
    """Cut the end off, or change some bytes anywhere or in the header."""
    if random.random() < 0.25:
        return content[: random.integers(len(content))]
    reach = len(content) if random.random() < 0.4 else min(len(content), 400)
    damaged = bytearray(content)
    for position in random.integers(reach, size=random.choice([1, 2, 8])):
        flipped = damaged[position] ^ (1 << random.integers(8))
        damaged[position] = random.choice([0, 255, random.integers(256), flipped])
    return bytes(damaged)


def read_damaged(path: Path) -> None:
    """Read every frame; anything but sane micrographs or a ReadError of one line fails the test."""
    refusal = None
    try:
        for frame in read_frames(path):
            assert frame.pixels.ndim == 2
            assert frame.pixels.size > 0
            assert np.isfinite(frame.pixels).all()
            assert frame.pixel_size_nm is None or 1e-5 <= frame.pixel_size_nm <= 1e9
    except ReadError as error:
        refusal = str(error)
    if refusal is not None:
        assert refusal.startswith(f"{path}: ")
        assert "\n" not in refusal
        assert len(refusal) < 600


def fuzz(content: bytes, path: Path, cases: int) -> None:
    random = np.random.default_rng(2022)
    path.write_bytes(content)
    read_damaged(path)  # imports
    tracemalloc.start()
    try:
        for case in range(cases):
            path.write_bytes(damage(content, random))
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            read_damaged(path)
            peak = tracemalloc.get_traced_memory()[1] - before
            assert peak < 8 * len(content) + FIXED_BYTES, f"case {case} took {peak} bytes"
    finally:
        tracemalloc.stop()


def write_nexus(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = counts()[None]
        file.attrs["default"] = "entry"
        file["entry/data"].attrs["signal"] = "data"


def write_half_bytes(path: Path) -> None:
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, 40, 24, 1, 101)
    path.write_bytes(bytes(header) + bytes(range(240)) * 2)


# Beside the usual files: packed bits, channels, arrays deep in a file.
UNUSUAL_WRITERS = {
    "packed.tif": lambda path: path.write_bytes(bare_tiff(counts() % 4096, 12, rows_per_strip=5)),
    "channels.tif": lambda path: tifffile.imwrite(path, counts((2, 24, 40)), imagej=True, metadata={"axes": "CYX"}),
    "nexus.h5": write_nexus,
    "halves.mrc": write_half_bytes,
    "two.npy": lambda path: np.save(path, np.stack([counts(), counts()], axis=-1)),
}
EVERY_WRITER = WRITERS | UNUSUAL_WRITERS


@pytest.mark.parametrize("name", EVERY_WRITER)
@pytest.mark.timeout(60)
def test_damaged_files_are_read_sanely_or_refused(name: Any, tmp_path: Path) -> None:
    EVERY_WRITER[name](tmp_path / name)
    fuzz((tmp_path / name).read_bytes(), tmp_path / f"damaged_{name}", cases=22)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY_WRITER)
def test_thousands_of_damaged_files_are_read_sanely_or_refused(name: Any, tmp_path: Path) -> None:
    EVERY_WRITER[name](tmp_path / name)
    fuzz((tmp_path / name).read_bytes(), tmp_path / f"damaged_{name}", cases=300)


@pytest.mark.reference
@pytest.mark.parametrize("name", REAL_FILES)
def test_damaged_files_of_formats_that_cannot_be_written_are_read_sanely_or_refused(name: str, tmp_path: Path) -> None:
    real = SHARED / "formats" / name
    if not real.exists():
        pytest.skip(f"{real} is absent: it does not ship with the project")
    fuzz(real.read_bytes(), tmp_path / real.name, cases=20)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_cut_in_half_is_refused(name: Any, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ReadError, match="copy it again"):
        list(read_frames(tmp_path / name))


def lying_tiff(path: Path) -> None:
    write_imagej_tiff(path)
    with tifffile.TiffFile(path, mode="r+") as tiff, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiff.pages.first.tags["ImageWidth"].overwrite(2**19)
        tiff.pages.first.tags["ImageLength"].overwrite(2**17)


def lying_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<u2", "fortran_order": False, "shape": (240000, 400000)})
        file.write(bytes(2000))


def lying_npz(path: Path) -> None:
    lying_npy(path.with_suffix(".npy"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path.with_suffix(".npy"), "images.npy")


def lying_mrc(path: Path) -> None:
    write_mrc(path)
    content = bytearray(path.read_bytes())
    content[:12] = struct.pack("<iii", 2**17, 2**17, 4)
    path.write_bytes(content)


def lying_mrc_extension(path: Path) -> None:
    write_mrc(path)
    content = bytearray(path.read_bytes())
    content[92:96] = struct.pack("<i", 2**31 - 1)
    path.write_bytes(content)


def lying_ser(path: Path) -> None:
    write_ser(path)
    content = bytearray(path.read_bytes())
    at = content.index(struct.pack("<II", 40, 24))
    content[at : at + 8] = struct.pack("<II", 2**18, 2**18)
    path.write_bytes(content)


def lying_png(path: Path) -> None:
    write_png(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 13000, 13000)
    path.write_bytes(content)


def bomb_png(path: Path) -> None:
    write_png(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 200000, 200000)
    path.write_bytes(content)


def lying_deflated_tiff(path: Path) -> None:
    write_deflated_tiff(path)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["ImageWidth"].overwrite(2**19)


def lying_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("images", (4, 100_000, 100_000), np.uint16, chunks=(1, 64, 64), compression="gzip")


LIARS = {
    "a.tif": lying_tiff,
    "b.tif": lying_deflated_tiff,
    "a.h5": lying_hdf5,
    "a.npy": lying_npy,
    "a.npz": lying_npz,
    "a.mrc": lying_mrc,
    "b.mrc": lying_mrc_extension,
    "a_1.ser": lying_ser,
    "a.png": lying_png,
    "b.png": bomb_png,
}


def test_the_claim_is_weighed_against_what_the_file_holds(tmp_path: Path) -> None:
    for name in ("b.tif", "a.h5", "a.npz"):
        LIARS[name](tmp_path / name)
        with pytest.raises(ReadError, match=r"the header claims \d+ bytes of pixels, but the file holds \d+"):
            next(read_frames(tmp_path / name))


@pytest.mark.parametrize("name", LIARS)
def test_a_header_that_claims_gigabytes_is_refused_before_anything_is_allocated(name: str, tmp_path: Path) -> None:
    LIARS[name](tmp_path / name)
    read_damaged(tmp_path / name)  # imports
    tracemalloc.start()
    try:
        with pytest.raises(ReadError, match=r"copy it again"):
            next(read_frames(tmp_path / name))
        assert tracemalloc.get_traced_memory()[1] < FIXED_BYTES
    finally:
        tracemalloc.stop()


def test_damage_that_makes_a_parser_warn_leaves_no_warning_behind(tmp_path: Path) -> None:
    import mrcfile

    write_mrc(tmp_path / "a.mrc")
    content = bytearray((tmp_path / "a.mrc").read_bytes())
    content[212:214] = b"\x07\x07"  # the machine stamp
    (tmp_path / "a.mrc").write_bytes(content)
    with pytest.warns(RuntimeWarning):
        mrcfile.open(tmp_path / "a.mrc", permissive=True).close()
    micrograph = read_micrograph(tmp_path / "a.mrc")
    np.testing.assert_array_equal(micrograph.pixels, counts())
    assert any("machine stamp" in note for note in micrograph.notes)


def test_an_mrc_file_without_the_map_stamp_that_many_programs_leave_out_is_whole(tmp_path: Path) -> None:
    write_mrc(tmp_path / "a.mrc")
    content = bytearray((tmp_path / "a.mrc").read_bytes())
    content[208:212] = b"    "
    (tmp_path / "a.mrc").write_bytes(content)
    micrograph = read_micrograph(tmp_path / "a.mrc")
    np.testing.assert_array_equal(micrograph.pixels, counts())
    assert micrograph.notes == ()
