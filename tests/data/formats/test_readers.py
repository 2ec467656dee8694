import logging
import sys
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from tem_rf.data import readers
from tem_rf.data.formats.recording import Recording
from tem_rf.data.formats.remarks import collect_remarks
from tem_rf.data.readers import read_frames, read_micrograph
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import ReadError
from tests.helpers.written_files import (
    PIXEL_SIZE_NM,
    STATES_NO_PIXEL_SIZE,
    WRITERS,
    counts,
    write_hspy,
    write_imagej_tiff,
    write_lzw_tiff,
    write_npz,
    write_ser,
    write_velox_emd,
)


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_gives_the_pixels_and_the_pixel_size_that_were_written(name: Any, tmp_path: Path) -> None:
    written = WRITERS[name](tmp_path / name)
    frames = list(read_frames(tmp_path / name))
    np.testing.assert_array_equal(np.stack([frame.pixels for frame in frames]), written.reshape(-1, 24, 40))
    expected_nm = None if name in STATES_NO_PIXEL_SIZE else PIXEL_SIZE_NM
    assert all(frame.pixel_size_nm == expected_nm for frame in frames)
    assert all(frame.pixels.dtype == written.dtype.newbyteorder("=") for frame in frames)


def test_lzw_is_read_without_imagecodecs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_lzw_tiff(tmp_path / "lzw.tif")

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "lzw.tif").pixels, written)


@pytest.mark.parametrize("name", ["imagej.tif", "grey.png", "grey.jpg", "array.npy", "stack.h5", "image.mrc"])
def test_the_content_of_a_file_decides_not_its_suffix(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    other = (tmp_path / name).rename(tmp_path / "image.dat")
    assert next(read_frames(other)).pixels.shape == (24, 40)


@pytest.mark.parametrize("name", ["a.tif", "a.dm3", "a.txt", "a.emd", "a.png"])
def test_a_file_of_another_kind_is_refused_with_the_way_out(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("not an image, but a text that is long enough to hold any header " * 10)
    with pytest.raises(ReadError, match=r"copy it again|expected one of \.tif"):
        read_micrograph(tmp_path / name)


def test_missing_empty_and_folder_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.tif").touch()
    (tmp_path / "folder.tif").mkdir()
    for name, reason in [("none.tif", "no such file"), ("empty.tif", "is empty"), ("folder.tif", "is a folder")]:
        with pytest.raises(ReadError, match=reason):
            read_micrograph(tmp_path / name)


@pytest.mark.parametrize("pixel_size_nm", [0.0012, 0.02, 0.02152, 0.1243, 87.37, 3372.4, 263974.0])
def test_own_tiffs_come_back_with_their_scale(pixel_size_nm: float, tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", counts(), pixel_size_nm=pixel_size_nm)
    assert read_micrograph(tmp_path / "a.tif").pixel_size_nm == pytest.approx(pixel_size_nm, rel=1e-6)


def test_the_print_resolution_of_a_tiff_is_no_pixel_size(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "dpi.tif", counts(), resolution=(300, 300), resolutionunit="INCH")
    assert read_micrograph(tmp_path / "dpi.tif").pixel_size_nm is None


@pytest.mark.parametrize("unit", ["inch", "cm", "pixel"])
def test_the_print_resolution_of_an_imagej_file_is_no_pixel_size(unit: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "dpi.tif", counts(), imagej=True, resolution=(300, 300), metadata={"unit": unit})
    assert read_micrograph(tmp_path / "dpi.tif").pixel_size_nm is None


def test_the_escaped_micro_sign_of_imagej_is_understood(tmp_path: Path) -> None:
    options: dict[str, Any] = {"imagej": True, "resolution": (4, 4), "metadata": {"unit": r"\u00B5m"}}
    tifffile.imwrite(tmp_path / "um.tif", counts(), **options)
    assert read_micrograph(tmp_path / "um.tif").pixel_size_nm == 250


def test_a_diffraction_pattern_in_a_tiff_is_refused(tmp_path: Path) -> None:
    options: dict[str, Any] = {"imagej": True, "resolution": (4, 4), "metadata": {"unit": "1/nm"}}
    tifffile.imwrite(tmp_path / "saed.tif", counts(), **options)
    with pytest.raises(ReadError, match="diffraction pattern"):
        read_micrograph(tmp_path / "saed.tif")


@pytest.mark.parametrize("name", ["saed.hspy", "saed.emd"])
def test_diffraction_patterns_of_microscope_files_are_refused_by_name(name: str, tmp_path: Path) -> None:
    write = write_hspy if name.endswith("hspy") else write_velox_emd
    write(tmp_path / name, unit="1/nm")
    with pytest.raises(ReadError, match=f"{name}.*diffraction pattern.*no image"):
        read_micrograph(tmp_path / name)


def test_the_detector_image_is_chosen_before_element_maps_and_said_so(tmp_path: Path) -> None:
    written = write_velox_emd(tmp_path / "map.emd")
    micrograph = read_micrograph(tmp_path / "map.emd")
    np.testing.assert_array_equal(micrograph.pixels, written)
    assert micrograph.notes == ("took 'HAADF', one of 2 images",)


def test_colour_becomes_grey_with_a_note(tmp_path: Path) -> None:
    colour = np.zeros((8, 9, 3), np.uint8)
    colour[..., 1] = 100
    Image.fromarray(colour).save(tmp_path / "green.png")
    micrograph = read_micrograph(tmp_path / "green.png")
    assert micrograph.notes == ("RGB converted to grey",)
    assert (micrograph.pixels == 59).all()  # 0.587 of 100


def test_grey_that_was_saved_as_colour_keeps_its_values(tmp_path: Path) -> None:
    grey = (counts() // 8).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", np.repeat(grey[..., None], 3, axis=2), photometric="rgb")
    micrograph = read_micrograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.pixels, grey)
    assert len(micrograph.notes) == 1


def test_pixels_that_are_not_square_are_refused_unless_resampled(tmp_path: Path) -> None:
    options: dict[str, Any] = {"imagej": True, "resolution": (1 / 0.5, 1 / 0.25), "metadata": {"unit": "nm"}}
    tifffile.imwrite(tmp_path / "a.tif", counts(), **options)
    with pytest.raises(ReadError, match=r"not square, 0\.25 nm high and 0\.5 nm wide"):
        read_micrograph(tmp_path / "a.tif")
    resampled = read_micrograph(tmp_path / "a.tif", resample=True)
    assert resampled.pixels.shape == (24, 80)
    assert resampled.pixel_size_nm == 0.25
    assert read_micrograph(tmp_path / "a.tif", pixel_size_nm=0.25).pixels.shape == (24, 40)


def test_the_given_pixel_size_wins_and_a_contradiction_is_noted(tmp_path: Path) -> None:
    write_imagej_tiff(tmp_path / "a.tif")
    micrograph = read_micrograph(tmp_path / "a.tif", pixel_size_nm=0.5)
    assert micrograph.pixel_size_nm == 0.5
    assert micrograph.notes == ("pixel size set to 0.5 nm by the user; the file has 0.25 nm",)


@pytest.mark.parametrize("name", ["stack.npz", "stack.h5", "stack.ome.tif"])
def test_a_stack_is_no_single_micrograph(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    with pytest.raises(ReadError, match="holds 3 frames, expected one image"):
        read_micrograph(tmp_path / name)


def test_a_series_of_images_is_read_frame_by_frame(tmp_path: Path) -> None:
    written = write_ser(tmp_path / "movie_1.ser", frames=4)
    frames = read_frames(tmp_path / "movie_1.ser")
    np.testing.assert_array_equal(next(frames).pixels, written[0])
    np.testing.assert_array_equal(np.stack([frame.pixels for frame in frames]), written[1:])


def test_an_emi_file_is_read_through_its_ser_file_and_names_it_when_missing(tmp_path: Path) -> None:
    (tmp_path / "scan.emi").write_bytes(b"JI\0\0")
    with pytest.raises(ReadError, match=r"scan_1\.ser beside it, which is missing"):
        read_micrograph(tmp_path / "scan.emi")
    written = write_ser(tmp_path / "scan_1.ser")
    np.testing.assert_array_equal(read_micrograph(tmp_path / "scan.emi").pixels, written)


def test_the_emi_file_beside_a_ser_file_tells_a_diffraction_pattern(tmp_path: Path) -> None:
    write_ser(tmp_path / "scan_1.ser")
    (tmp_path / "scan.emi").write_bytes(b"<Label>Mode</Label><Value>TEM uP Zoom Diffraction</Value>")
    with pytest.raises(ReadError, match="diffraction pattern"):
        read_micrograph(tmp_path / "scan_1.ser")


def test_without_rosettasciio_the_pip_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_hspy(tmp_path / "image.hspy")
    for module in [name for name in sys.modules if name.partition(".")[0] == "rsciio"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "rsciio", None)
    with pytest.raises(ReadError, match=r"pip install 'tem-rf\[formats\]'"):
        read_micrograph(tmp_path / "image.hspy")


def test_frames_of_a_large_stack_are_read_one_by_one(tmp_path: Path) -> None:
    import tracemalloc

    for name, compression in (("block.tif", None), ("pages.tif", "zlib")):
        stack = np.zeros((60, 128, 256), np.uint16)
        tifffile.imwrite(tmp_path / name, stack, compression=compression, metadata=None)
        next(read_frames(tmp_path / name))  # imports
        tracemalloc.start()
        for frame in read_frames(tmp_path / name):
            assert frame.pixels.shape == (128, 256)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < stack.nbytes / 4


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.full((4, 4), np.nan, np.float32), "16 of 16 pixels are NaN or infinite"),
        (np.full((4, 4), np.inf), "16 of 16 pixels are NaN or infinite"),
        (np.full((4, 4), 1e30), "which no detector produces"),
        (np.zeros((4, 4), np.complex64), "not real numbers"),
        (np.zeros((0, 4)), "holds no pixels"),
        (np.zeros(16), "expected an image"),
        (np.zeros((2, 2, 2, 9)), "expected an image"),
    ],
)
def test_arrays_that_are_no_image_are_refused(array: Any, reason: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ReadError, match=reason):
        read_micrograph(tmp_path / "a.npy")


def test_pickles_in_arrays_are_never_run(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([print, None], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", images=np.array([print, None], dtype=object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(ReadError):
            read_micrograph(tmp_path / name)


def test_an_archive_of_several_arrays_names_them_when_none_is_an_image(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", first=counts(), second=counts())
    with pytest.raises(ReadError, match="holds first, second; expected an array named images"):
        read_micrograph(tmp_path / "a.npz")


def test_the_layout_of_the_published_sets_is_read(tmp_path: Path) -> None:
    images = counts((2, 24, 40, 1), np.float32)
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file["images"] = images
    frames = [frame.pixels for frame in read_frames(tmp_path / "set.h5")]
    np.testing.assert_array_equal(np.stack(frames), images[..., 0])


def test_remarks_of_parsers_become_notes_and_are_neither_logged_nor_warned(caplog: pytest.LogCaptureFixture) -> None:
    remarks: list[str] = []
    with collect_remarks(remarks):
        logging.getLogger("tifffile").warning("odd\n tag")
        logging.getLogger("tifffile").warning("odd tag")
        warnings.warn("odd header", RuntimeWarning, stacklevel=1)
    assert remarks == ["odd tag", "odd header"]
    assert not caplog.records
    logging.getLogger("tifffile").warning("again")
    assert len(caplog.records) == 1


def test_npz_frames_do_not_need_the_whole_array(tmp_path: Path) -> None:
    written = write_npz(tmp_path / "a.npz")
    frames = read_frames(tmp_path / "a.npz")
    np.testing.assert_array_equal(next(frames).pixels, written[0])
    assert isinstance(frames, Generator)
    frames.close()


def test_remarks_made_while_a_frame_is_read_become_its_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "movie.tif").touch()

    def read_frame(index: int) -> np.ndarray:
        warnings.warn(f"frame {index} is odd", stacklevel=1)
        return counts((24, 40))

    @contextmanager
    def opener(path: Path, wanted: Any) -> Iterator[Recording]:
        yield Recording(2, read_frame)

    monkeypatch.setattr(readers, "find_opener", lambda path: opener)
    first, second = read_frames(tmp_path / "movie.tif")
    assert first.notes == ("frame 0 is odd",)
    assert second.notes == ("frame 0 is odd", "frame 1 is odd")
