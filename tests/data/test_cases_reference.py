"""Files that people have, rebuilt from public reports and kept apart: each is read right or refused for its reason."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tem_rf.config.reading import reading_settings
from tem_rf.data.check import FolderCheck, check_folder
from tem_rf.data.pairing import micrographs_at
from tem_rf.data.readers import read_frames, read_micrograph
from tem_rf.errors import ReadError
from tests.helpers.repository import SHARED, shared_file

pytestmark = pytest.mark.reference

TRUTH, OUTLINED, OVAL = 6258, 5009, 5000  # particle pixels of 65536: the masks, the outlines, the oval alone
# label: (name of the micrograph, particle pixels, part of the note; "" where there is nothing to say)
READ = {
    "bi_minwhite.tif": ("bi_minwhite.tif", TRUTH, "stored inverted (MinIsWhite)"),
    "ij_invlut.png": ("ij_invlut.tif", TRUTH, "ImageJ's inverting LUT"),
    "m12.png": ("m12.tif", TRUTH, "value 1 is read as background, 2 as particle"),
    "rgba_whitebg.png": ("rgba_whitebg.tif", TRUTH, "transparent is read as background"),
    "whitebg_rgb.png": ("whitebg_rgb.tif", TRUTH, "white is read as background"),
    "floatnan.tif": ("floatnan.tif", TRUTH, "NaN is read as background"),
    "onehot_hwc.npy": ("onehot_hwc.tif", TRUTH, "2 channels, background and particle"),
    "inst_stack.tif": ("inst_stack.tif", TRUTH, "2 pages, one particle each; they were merged"),
    "cp_cp_masks.png": ("cp.tif", TRUTH, ""),
    "ome2_mask.ome.tif": ("ome2.ome.tif", TRUTH, ""),
    "co_roboflow.json": ("co_roboflow.tif", OUTLINED, ""),
    "macosx.zip": ("macosx.tif", OVAL, ""),
    "labelme.json": ("labelme.tif", OUTLINED, ""),
    "qupath.geojson": ("qupath.tif", OUTLINED, ""),
    "jpg_as_png.png": ("jpg_as_png.tif", TRUTH, "compressed with loss"),
    "classes.json": ("classes.tif", OUTLINED, "particle (7.6 %), grid bar (29.7 %); read as particle: particle"),
}
REFUSED = {
    "mat_cellpose_seg.npy": ("mat_cellpose.tif", "can run code, so it is not read. Save the masks as PNG or TIFF"),
    "co_scaled.json": ("co_scaled.tif", "its largest coordinate is 0.705, but its micrograph is 256 x 256 px"),
    "co_bbox.json": ("co_bbox.tif", "holds boxes of co_bbox and no outlines"),
}
# image: (shape, type, pixel size [nm], part of the note)
IMAGES = {
    "t12packed.tif": ((256, 256), "uint16", None, ""),
    "t_zerobytecounts.tif": ((256, 256), "uint16", None, "byte counts in its header are wrong"),
    "h_nexus.h5": ((256, 256), "uint16", None, "took the array 'entry/data/data'"),
    "t_ij_c2.tif": ((256, 256), "uint16", 0.1, "holds 2 channels; used channel 1"),
    "16x16_STEM_BF_DF_acquire_1.ser": ((16, 16), "uint16", 21.51004, ""),
    "16x16_STEM_BF_DF_acquire_2.ser": ((16, 16), "uint16", 21.51004, ""),
    "m_imod_u8.mrc": ((256, 256), "uint8", 0.0215200, ""),
    "olympus_SIS.tif": ((101, 112), "uint16", 0.0239279, "used image 2 of 2"),
    "colour_test-8.dm3": ((2, 2), "uint8", None, "colour"),
    "t_miniswhite8.tif": ((256, 256), "uint8", None, "stored inverted (MinIsWhite)"),
}


def check(label: str, micrograph: str, folder: Path) -> FolderCheck:
    source = shared_file("cases", "labels", label)
    (folder / "labels").mkdir()
    shutil.copy(shared_file("cases", "micrograph.tif"), folder / micrograph)
    shutil.copy(source, folder / "labels" / label)
    return check_folder(folder)


def test_every_file_of_the_table_has_an_expectation() -> None:
    listed = {path.name for kind in ("labels", "images") for path in shared_file("cases", kind).iterdir()}
    others = {"16x16_STEM_BF_DF_acquire.emi", "example1_v1.2.hdf5"}
    assert listed == READ.keys() | REFUSED.keys() | IMAGES.keys() | others


@pytest.mark.parametrize("label", READ)
def test_a_label_is_read_right_and_says_how(label: Any, tmp_path: Path) -> None:
    micrograph, pixels, note = READ[label]
    outcome = check(label, micrograph, tmp_path)
    assert not outcome.problems
    (pair,) = outcome.pairs
    assert round(pair.particle_fraction * 65536) == pytest.approx(pixels, abs=0 if pixels == TRUTH else 12)
    assert (note in " ".join(pair.notes)) if note else pair.notes == ()


@pytest.mark.parametrize("label", REFUSED)
def test_a_label_is_refused_for_its_reason(label: Any, tmp_path: Path) -> None:
    micrograph, reason = REFUSED[label]
    (problem,) = check(label, micrograph, tmp_path).problems
    assert problem.path.name == label
    assert reason in problem.reason


@pytest.mark.parametrize("image", IMAGES)
def test_a_micrograph_is_read_right_and_says_how(image: Any) -> None:
    shape, dtype, pixel_size_nm, note = IMAGES[image]
    (frame,) = read_frames(shared_file("cases", "images", image))
    assert (frame.pixels.shape, str(frame.pixels.dtype)) == (shape, dtype)
    assert frame.pixel_size_nm == (pixel_size_nm and pytest.approx(pixel_size_nm, rel=1e-5))
    assert (note in " ".join(frame.notes)) if note else frame.notes == ()


def test_packed_and_unpacked_pixels_are_the_same() -> None:
    images = shared_file("cases", "images")
    truth = read_micrograph(shared_file("cases", "micrograph.tif")).pixels
    for name in ("t12packed.tif", "t_zerobytecounts.tif", "h_nexus.h5"):
        np.testing.assert_array_equal(read_micrograph(images / name).pixels, truth)


def test_both_images_of_a_stem_acquisition_are_read() -> None:
    emi = shared_file("cases", "images", "16x16_STEM_BF_DF_acquire.emi")
    assert [path.name[-5:] for path in micrographs_at(emi)] == ["1.ser", "2.ser"]
    bright, dark = (read_micrograph(emi, reading=reading_settings(channel=channel)) for channel in (1, 2))
    for number, micrograph in enumerate((bright, dark), start=1):
        series = emi.with_name(f"16x16_STEM_BF_DF_acquire_{number}.ser")
        np.testing.assert_array_equal(micrograph.pixels, read_micrograph(series).pixels)


def test_a_file_of_a_spectrum_names_it() -> None:
    with pytest.raises(ReadError, match=r"holds a spectrum \('NIO EELS OK SHELL'\) and no image"):
        read_micrograph(shared_file("cases", "images", "example1_v1.2.hdf5"))


@pytest.mark.timeout(300)
def test_odd_names_keep_no_other_file_from_being_segmented(tmp_path: Path) -> None:
    micrograph, here = shared_file("cases", "micrograph.tif"), str(tmp_path).encode()
    (tmp_path / "batch").mkdir()
    for name in (b"\xb5m", b"x" * 244, b"zz_after"):
        shutil.copy(bytes(micrograph), here + b"/batch/" + name + b".tif")
    model = Path(__file__).parents[2] / "saved_models" / "au-hrtem"
    command = [sys.executable, "-m", "tem_rf", "segment", "batch", "--model", str(model), "--output", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, env=None)
    assert done.returncode == 1
    errors = done.stderr.decode()
    assert "Traceback" not in errors
    assert "too long for the file system; shorten the name" in errors
    assert "1 of 3 files could not be segmented" in errors
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert "zz_after_mask.tif" in written
    assert "\udcb5m_mask.tif" in written
    assert not [name for name in written if "unfinished" in name]


def test_the_truth_is_what_the_table_says() -> None:
    with Image.open(shared_file("cases", "truth.png")) as truth:
        assert np.count_nonzero(np.asarray(truth)) == TRUTH
    assert SHARED.is_dir()
