"""Micrographs of microscopes and programs whose headers leave something open, and files that hold several arrays."""

import struct
from pathlib import Path
from typing import Any

import h5py
import mrcfile
import numpy as np
import pytest
from PIL import Image

from tem_rf.config.reading import reading_settings
from tem_rf.data.readers import read_frames, read_micrograph
from tem_rf.errors import ReadError
from tests.helpers.written_files import PIXEL_SIZE_NM, counts, write_ser

BYTES = np.random.default_rng(8).normal(128, 8, (24, 40)).round().clip(0, 255).astype(np.uint8)


def write_mrc_bytes(
    path: Any, *, imod_flags: Any = None, limits: Any = None, mode: Any = 0, content: Any = None
) -> None:
    """An MRC file of bytes, with what programs say of their sign."""
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, 40, 24, 1, mode)
    struct.pack_into("<3i3f", header, 28, 40, 24, 1, 400.0, 240.0, 10.0)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    if limits:
        struct.pack_into("<3f", header, 76, *limits, sum(limits) / 2)
    if imod_flags is not None:
        struct.pack_into("<2i", header, 152, 1146047817, imod_flags)
    header[208:214] = b"MAP DD"
    path.write_bytes(bytes(header) + (BYTES.tobytes() if content is None else content))


@pytest.mark.parametrize(
    ("said", "dtype", "note"),
    [
        ({"imod_flags": 0}, np.uint8, ""),
        ({"imod_flags": 1}, np.int8, ""),
        ({"limits": (100, 156)}, np.uint8, "its header gives 156 as the maximum"),
        ({"limits": (-128, 127)}, np.int8, ""),
        ({}, np.uint8, "the smoother of the two possible images"),
        ({"limits": (0, 0)}, np.uint8, "the smoother of the two"),
    ],
)
def test_bytes_of_mrc_have_the_sign_that_the_header_gives_or_the_image_needs(
    said: Any, dtype: Any, note: Any, tmp_path: Path
) -> None:
    write_mrc_bytes(tmp_path / "a.mrc", **said)
    micrograph = read_micrograph(tmp_path / "a.mrc")
    np.testing.assert_array_equal(micrograph.pixels, BYTES.view(dtype))
    assert micrograph.pixel_size_nm == 1
    assert (note in micrograph.notes[0]) if note else micrograph.notes == ()


def test_signed_bytes_around_zero_stay_signed(tmp_path: Path) -> None:
    write_mrc_bytes(tmp_path / "a.mrc", content=(BYTES - np.uint8(128)).tobytes())
    micrograph = read_micrograph(tmp_path / "a.mrc")
    np.testing.assert_array_equal(micrograph.pixels, (BYTES - np.uint8(128)).view(np.int8))
    assert "from -128 to 127" in micrograph.notes[0]


@pytest.mark.parametrize("width", [40, 39])
def test_half_bytes_of_mrc_are_unpacked(width: Any, tmp_path: Path) -> None:
    image = np.random.default_rng(2).integers(0, 16, (24, width)).astype(np.uint8)
    padded = np.pad(image, ((0, 0), (0, width % 2)))
    write_mrc_bytes(tmp_path / "a.mrc", mode=101, content=(padded[:, ::2] | padded[:, 1::2] << 4).tobytes())
    with (tmp_path / "a.mrc").open("r+b") as file:
        file.write(struct.pack("<i", width))
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.mrc").pixels, image)


def test_colour_and_half_floats_of_mrc_are_read_and_complex_numbers_refused(tmp_path: Path) -> None:
    write_mrc_bytes(tmp_path / "a.mrc", mode=16, content=np.repeat(BYTES[..., None], 3, axis=-1).tobytes())
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.mrc").pixels, BYTES)
    with mrcfile.new(tmp_path / "b.mrc") as file:
        file.set_data(counts(dtype=np.float16))
    np.testing.assert_array_equal(read_micrograph(tmp_path / "b.mrc").pixels, counts(dtype=np.float16))
    write_mrc_bytes(tmp_path / "c.mrc", mode=4, content=bytes(24 * 40 * 8))
    with pytest.raises(ReadError, match=r"complex numbers \(mode 4\), a Fourier transform"):
        read_micrograph(tmp_path / "c.mrc")
    write_mrc_bytes(tmp_path / "d.mrc", mode=5)
    with pytest.raises(ReadError, match="unknown MRC mode 5"):
        read_micrograph(tmp_path / "d.mrc")


@pytest.mark.parametrize("mode", ["STEM nP SA Zoom Diffraction", "STEM uP Mh Zoom Diffraction"])
def test_in_stem_the_optics_say_diffraction_and_the_detector_makes_an_image(mode: Any, tmp_path: Path) -> None:
    written = write_ser(tmp_path / "scan_1.ser")
    (tmp_path / "scan.emi").write_bytes(f"<Label>Mode</Label><Value> {mode}</Value>".encode())
    for name in ("scan_1.ser", "scan.emi"):
        micrograph = read_micrograph(tmp_path / name)
        np.testing.assert_array_equal(micrograph.pixels, written)
        assert micrograph.metadata["mode"] == mode


def test_several_detectors_of_an_emi_file_are_its_channels(tmp_path: Path) -> None:
    (tmp_path / "scan.emi").write_bytes(b"JI\0\0")
    first = write_ser(tmp_path / "scan_1.ser")
    write_ser(tmp_path / "scan_2.ser")
    micrograph = read_micrograph(tmp_path / "scan.emi")
    np.testing.assert_array_equal(micrograph.pixels, first)
    assert micrograph.notes == (
        "holds 2 channels (scan_1.ser, scan_2.ser); used channel 1, select another with `channel`",
    )
    assert read_micrograph(tmp_path / "scan.emi", reading=reading_settings(channel=2)).notes == ()


def test_spectra_beside_the_image_of_an_emi_file_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "scan.emi").write_bytes(b"JI\0\0")
    written = write_ser(tmp_path / "scan_2.ser")
    content = bytearray((tmp_path / "scan_2.ser").read_bytes())
    content[6:10] = struct.pack("<I", 0x4120)
    (tmp_path / "scan_1.ser").write_bytes(content)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "scan.emi").pixels, written)


def write_hdf5(path: Any, arrays: Any, **attributes: Any) -> None:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
        for place, values in attributes.items():
            file[place.replace("__", "/")].attrs.update(values)


def test_an_image_deep_in_an_hdf5_file_is_found(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.h5", {"entry/data/data": counts()[None], "entry/data/x": np.arange(40)})
    micrograph = read_micrograph(tmp_path / "a.h5")
    np.testing.assert_array_equal(micrograph.pixels, counts())
    assert micrograph.notes == ("took the array 'entry/data/data'",)


def test_the_default_of_a_nexus_file_is_taken(tmp_path: Path) -> None:
    write_hdf5(
        tmp_path / "a.nxs.h5",
        {"entry/first/frame": counts() + 1, "entry/second/frame": counts()},
        entry={"default": "second"},
        entry__second={"signal": "frame"},
    )
    with h5py.File(tmp_path / "a.nxs.h5", "r+") as file:
        file.attrs["default"] = "entry"
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.nxs.h5").pixels, counts())


def test_several_arrays_are_named_and_one_is_picked(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.h5", {"scan/bf": counts(), "scan/df": counts() + 1})
    np.savez(tmp_path / "a.npz", bf=counts(), df=counts() + 1)
    for name, listed in (("a.h5", "scan/bf, scan/df"), ("a.npz", "bf, df")):
        with pytest.raises(ReadError, match=f"holds {listed}; .*choose one with `array`"):
            read_micrograph(tmp_path / name)
        picked = read_micrograph(tmp_path / name, reading=reading_settings(array="df"))
        np.testing.assert_array_equal(picked.pixels, counts() + 1)
        with pytest.raises(ReadError, match=f"holds no array named haadf; it holds {listed}"):
            read_micrograph(tmp_path / name, reading=reading_settings(array="haadf"))


def test_an_hdf5_file_without_images_says_what_it_holds(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.h5", {"run/energy": np.arange(10), "run/title": "EELS"})
    with pytest.raises(ReadError, match=r"holds no image; its arrays are run/energy \(10,\), run/title \(\)"):
        read_micrograph(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("axes", "signal_type"),
    [
        ([("x", "nm", True), ("y", "nm", True), ("Wavelength", "nm", False)], ""),
        ([("y", "nm", True), ("x", "nm", True), ("", "nm", False)], ""),
        ([("y", "nm", False), ("x", "nm", False), ("", "nm", False)], "CL_SEM"),
        ([("x", "nm", True), ("Energy", "eV", False)], "EELS"),
    ],
    ids=["by name", "by its one signal axis", "by its type", "a line of spectra"],
)
def test_spectra_whose_axis_is_in_nm_are_no_movie(axes: Any, signal_type: Any, tmp_path: Path) -> None:
    from rsciio.hspy import file_writer

    data = np.ones([3, 3, 64][-len(axes) :], np.float32)
    described = [
        {"size": size, "name": name, "scale": 0.5, "offset": 400.0, "units": unit, "navigate": navigate}
        for size, (name, unit, navigate) in zip(data.shape, axes, strict=True)
    ]
    signal = {"data": data, "axes": described, "original_metadata": {}, "package_info": {}, "tmp_parameters": {}}
    signal |= {"metadata": {"General": {"title": "CL map"}, "Signal": {"signal_type": signal_type}}}
    file_writer(tmp_path / "a.hspy", signal | {"attributes": {"_lazy": False}, "learning_results": {}, "models": None})
    with pytest.raises(ReadError, match=r"holds a spectrum .'CL map'. and no image"):
        next(read_frames(tmp_path / "a.hspy"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_colours_at_the_end_are_no_frames_in_any_type(dtype: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.repeat(counts(dtype=dtype)[..., None], 3, axis=-1))
    (frame,) = read_frames(tmp_path / "a.npy")
    np.testing.assert_array_equal(frame.pixels, counts(dtype=dtype))


def test_two_channels_at_the_end_are_no_frames(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.stack([counts(), counts() + 1], axis=-1))
    assert len(list(read_frames(tmp_path / "a.npy"))) == 1
    np.testing.assert_array_equal(
        read_micrograph(tmp_path / "a.npy", reading=reading_settings(channel=2)).pixels, counts() + 1
    )


def test_channels_before_the_rows_of_a_stack_are_no_frames(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.stack([counts((5, 24, 40)), counts((5, 24, 40)) + 1], axis=1))
    frames = list(read_frames(tmp_path / "a.npy"))
    np.testing.assert_array_equal([frame.pixels for frame in frames], counts((5, 24, 40)))


def test_colours_of_16_bits_in_a_png_say_that_half_of_them_is_lost(tmp_path: Path) -> Any:
    import zlib

    def chunk(kind: Any, data: Any) -> Any:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + struct.pack(">3H", 4660, 4660, 4660) * 8 for _ in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    micrograph = read_micrograph(tmp_path / "a.png")
    assert (micrograph.pixels == 0x12).all()
    assert "16 bits, of which the upper 8 were used" in micrograph.notes[0]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"MATLAB 5.0 MAT-file, Platform: PCWIN64", "a MATLAB file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html><head><title>404", "a web page"),
        (b"%PDF-1.7", "a PDF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a video or a WebP image"),
    ],
)
def test_what_is_no_micrograph_is_named_whatever_its_suffix(content: Any, what: Any, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(content.ljust(400, b"\0"))
    with pytest.raises(ReadError, match=what):
        read_micrograph(tmp_path / "a.tif")


def test_one_of_several_velox_images_is_picked_by_its_detector(tmp_path: Path) -> None:
    from tests.helpers.written_files import write_velox_emd

    write_velox_emd(tmp_path / "map.emd")
    assert read_micrograph(tmp_path / "map.emd", reading=reading_settings(array="SuperX")).pixels.max() == 0
    with pytest.raises(ReadError, match="holds no array named BF; it holds HAADF, SuperX"):
        read_micrograph(tmp_path / "map.emd", reading=reading_settings(array="BF"))


def test_the_content_of_an_hdf5_file_decides_not_its_suffix(tmp_path: Path) -> None:
    from tests.helpers.written_files import write_hspy, write_velox_emd

    write_velox_emd(tmp_path / "a.h5")
    write_hspy(tmp_path / "b.hspy")
    (tmp_path / "b.hspy").rename(tmp_path / "b.hdf5")
    for name in ("a.h5", "b.hdf5"):
        assert read_micrograph(tmp_path / name).pixel_size_nm == PIXEL_SIZE_NM


def test_zspy_is_read_with_what_the_extra_brings(tmp_path: Path) -> None:
    import warnings

    from rsciio.zspy import file_writer

    axes = [
        {"size": size, "name": name, "scale": PIXEL_SIZE_NM, "offset": 0.0, "units": "nm", "navigate": False}
        for size, name in zip((24, 40), "yx", strict=True)
    ]
    signal = {"data": counts(), "axes": axes, "metadata": {"General": {"title": "carbon"}}, "original_metadata": {}}
    signal |= {"package_info": {}, "tmp_parameters": {}, "attributes": {}, "learning_results": {}, "models": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr 2 announces zarr 3
        file_writer(str(tmp_path / "a.zspy"), signal, close_file=True)
    micrograph = read_micrograph(tmp_path / "a.zspy")
    np.testing.assert_array_equal(micrograph.pixels, counts())
    assert micrograph.pixel_size_nm == PIXEL_SIZE_NM


def test_grey_with_opacity_is_read_as_grey(tmp_path: Path) -> None:
    grey = (counts() // 8).astype(np.uint8)
    Image.fromarray(np.stack([grey, np.full_like(grey, 255)], axis=-1), "LA").save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.png").pixels, grey)


def test_sides_of_a_pixel_that_differ_in_the_fourth_digit_are_square(tmp_path: Path) -> None:
    import tifffile

    options: dict[str, Any] = {
        "imagej": True,
        "resolution": (1 / 0.05070176, 1 / 0.05071414),
        "metadata": {"unit": "nm"},
    }
    tifffile.imwrite(tmp_path / "a.tif", counts(), **options)
    assert read_micrograph(tmp_path / "a.tif").pixel_size_nm == pytest.approx(0.05070176, rel=1e-5)
