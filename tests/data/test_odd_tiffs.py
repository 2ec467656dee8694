"""TIFF files that are whole and unusual are read, with a note where something in them is wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from tem_rf.config.reading import reading_settings
from tem_rf.data.formats import tiff
from tem_rf.data.readers import read_frames, read_micrograph
from tem_rf.errors import ReadError
from tests.helpers.odd_tiffs import bare_tiff
from tests.helpers.written_files import counts

SHAPE = (31, 37)  # neither fills whole bytes
BITS = (1, 2, 4, 6, 8, 10, 12, 14, 16)


def levels(bits: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 2**bits, SHAPE)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("rows_per_strip", [None, 7])
@pytest.mark.parametrize("bits", BITS)
def test_pixels_of_any_number_of_bits_are_read(bits: Any, rows_per_strip: Any, big_endian: Any, tmp_path: Path) -> None:
    image = levels(bits)
    written = bare_tiff(image, bits, rows_per_strip=rows_per_strip, big_endian=big_endian)
    (tmp_path / "a.tif").write_bytes(written)
    micrograph = read_micrograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.pixels, image)
    assert micrograph.notes == ()


@pytest.mark.parametrize("bits", BITS)
def test_what_is_stored_inverted_is_read_as_viewers_show_it(bits: Any, tmp_path: Path) -> None:
    image = levels(bits)
    (tmp_path / "a.tif").write_bytes(bare_tiff(2**bits - 1 - image, bits, photometric=0))
    micrograph = read_micrograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.pixels, image)
    assert micrograph.notes == ("stored inverted (MinIsWhite); read as displayed by image viewers",)


def test_packed_pixels_without_imagecodecs_name_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.tif").write_bytes(bare_tiff(levels(12), 12))

    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("<tifffile> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    monkeypatch.setattr(Image, "open", lambda *_, **__: Image.new("L", (1, 1)))
    with pytest.raises(ReadError, match=r"12-bit pixels, .*pip install 'tem-rf\[formats\]'"):
        read_micrograph(tmp_path / "a.tif")


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("wrong", [0, 10**6])
def test_byte_counts_that_are_wrong_are_worked_out(wrong: Any, bits: Any, tmp_path: Path) -> None:
    image = levels(bits)
    (tmp_path / "a.tif").write_bytes(bare_tiff(image, bits, rows_per_strip=7, byte_counts=[wrong] * 5))
    micrograph = read_micrograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.pixels, image)
    assert micrograph.notes == ("5 byte counts in its header are wrong; the pixels are all there",)


@pytest.mark.parametrize("wrong", [0, 60_000])
@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits"])
def test_byte_counts_of_compressed_strips_are_worked_out(compression: Any, wrong: Any, tmp_path: Path) -> None:
    image = levels(12).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image, compression=compression, rowsperstrip=8, metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:  # type: ignore[arg-type]
        file.pages.first.tags["StripByteCounts"].overwrite([wrong] * 4)
    micrograph = read_micrograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.pixels, image)
    assert len(micrograph.notes) == 1


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
def test_a_file_whose_end_is_lost_is_truncated_whatever_its_compression(compression: Any, tmp_path: Path) -> None:
    image = levels(12).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image, compression=compression, rowsperstrip=8, metadata=None)
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: len(content) - 150])
    with pytest.raises(ReadError, match="truncated or damaged"):
        read_micrograph(tmp_path / "a.tif")


# Beyond the file, into the pixels, and to the page itself, which makes a circle.
@pytest.mark.parametrize("pointer", [0xFFFFFFF0, 9, 100, 1001, 2302, 2306, 2400])
def test_a_damaged_pointer_behind_the_last_page_leaves_it_readable(pointer: Any, tmp_path: Path) -> None:
    image = levels(12)
    image[:, ::2] = 0
    (tmp_path / "a.tif").write_bytes(bare_tiff(image, 16, next_page=pointer))
    (frame,) = read_frames(tmp_path / "a.tif")
    np.testing.assert_array_equal(frame.pixels, image)
    assert "if pages are missing, copy it again" in frame.notes[0]


@pytest.mark.parametrize(
    ("kind", "axes"), [("ome", "TCYX"), ("ome", "CTYX"), ("ome", "ZCYX"), ("imagej", "TCYX"), ("imagej", "ZCYX")]
)
def test_channels_are_no_frames(kind: Any, axes: Any, tmp_path: Path) -> None:
    shape = tuple({"T": 3, "Z": 3, "C": 2}.get(axis, 0) for axis in axes[:2]) + SHAPE
    written = np.random.default_rng(1).integers(0, 4096, shape).astype(np.uint16)
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    tifffile.imwrite(path, written, metadata={"axes": axes}, **{kind: True})  # type: ignore[arg-type]
    of_frames = np.moveaxis(written, axes.index("C"), 1)
    for channel in (None, 1, 2):
        frames = list(read_frames(path, reading=reading_settings(channel=channel)))
        np.testing.assert_array_equal([frame.pixels for frame in frames], of_frames[:, (channel or 1) - 1])
        said = ("holds 2 channels; used channel 1, select another with `channel`",)
        assert frames[0].notes == (said if channel is None else ())
    with pytest.raises(ReadError, match="has no channel 3; it holds 2"):
        next(read_frames(path, reading=reading_settings(channel=3)))


def test_an_array_of_two_channels_that_was_saved_as_pages_is_one_image(tmp_path: Path) -> None:
    written = np.stack([counts(), counts() + 1], axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", written)
    (frame,) = read_frames(tmp_path / "a.tif", reading=reading_settings(channel=2))
    np.testing.assert_array_equal(frame.pixels, written[..., 1])


def test_data_come_before_previews_of_the_same_size_and_a_series_can_be_named(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((24, 40, 3), np.uint8), photometric="rgb", compression="jpeg")
        writer.write(counts(), photometric="minisblack")
        writer.write(counts((6, 10)), photometric="minisblack")
    micrograph = read_micrograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.pixels, counts())
    assert micrograph.notes == ("used image 2 of 3, 40 px wide (uint16)",)
    small = read_micrograph(tmp_path / "a.tif", reading=reading_settings(array="3"))
    np.testing.assert_array_equal(small.pixels, counts((6, 10)))


def test_a_stack_that_says_it_has_more_images_than_it_holds_is_refused(tmp_path: Path) -> None:
    description = "ImageJ=1.53t\nimages=9\nslices=9\n"
    tifffile.imwrite(tmp_path / "a.tif", counts(), description=description, metadata=None, compression="zlib")
    with pytest.raises(ReadError, match="truncated or damaged, copy it again"):
        read_micrograph(tmp_path / "a.tif")


def test_lossy_compressions_are_known() -> None:
    assert {int(tifffile.COMPRESSION.JPEG), int(tifffile.COMPRESSION.JPEG_2000_LOSSY)} <= set(tiff._LOSSY)
