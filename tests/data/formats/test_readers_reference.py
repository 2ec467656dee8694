"""Files of real microscopes that do not ship with the project: every one is read, or refused for the right reason."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tem_rf.data.readers import read_frames, read_micrograph
from tem_rf.errors import ReadError
from tests.helpers.repository import shared_file

# name: (frames, height, width, dtype, pixel size [nm]).
# FEI: 3.3724e-06 m a pixel, which the listing rounds to 3e-06; the camera's 2.64e-04 m likewise.
# Acquisition_18.emd: NCEM writes n_m for nm, which the listing leaves out.
# STEM HAADF Diffraction Micro.emd: an image in spite of its name, stored as uint16.
# Test SI: the listing shows the spectrum that stands first; the HAADF image beside it is the micrograph.
READ = {
    "test-2.dm3": (1, 2, 2, "float32", None),
    "test-2.dm4": (1, 2, 2, "float32", None),
    "test_STEM_image.dm3": (1, 68, 68, "uint32", 0.248538),
    "test_stackbuilder_imagestack.dm3": (3, 2, 16, "uint32", 59.982903),
    "test_loading_image_saved_with_DM.tif": (1, 68, 68, "int32", 168.674693),
    "test_loading_image_saved_with_imageJ.tif": (1, 68, 68, "float32", 168.674711),
    "test_loading_image_saved_with_imageJ_no_scale.tif": (1, 68, 68, "float32", None),
    "FEI-Helios-Ebeam-16bits.tif": (1, 471, 512, "uint16", 3372.4),
    "FEI-Helios-Ebeam-8bits.tif": (1, 471, 512, "uint8", 3372.4),
    "FEI-Helios-navcam.tif": (1, 551, 768, "uint8", 263973.96),
    "TVIPS_bin4.tif": (1, 1024, 1024, "uint8", 1.420804),
    "Test SI 16x16 215 kx.emd": (2, 16, 16, "uint16", 3.599249),
    "Test SI 16x16 ReducedData 215 kx.emd": (1, 16, 16, "uint16", 3.599249),
    "example_image.emd": (1, 3, 3, "int32", None),
    "128x128_TEM_acquire-sum1.emi": (1, 128, 128, "int32", 21.479318),
    "128x128_TEM_acquire-sum1_1.ser": (1, 128, 128, "int32", 21.479318),
    "16_STOimage_1.ser": (1, 1024, 1024, "uint16", 0.0100127),
    "STEM HAADF Diffraction Micro.emd": (1, 128, 128, "uint16", 87.370796),
    "Acquisition_18.emd": (1, 1024, 1024, "uint16", 0.01224652),
    "temp.mrc": (3, 128, 128, "float32", 0.2),
    "JEOL HAADF Image.dm4": (1, 112, 112, "float32", 1.249014),
}
REFUSED = {
    "test_diffraction_pattern.dm3": r"a diffraction pattern \('test_diffraction_pattern'\)",
    "08_carbon.dm3": r"a spectrum \('08_carbon'\)",
    "dmTest_float32_nonSquare_diffPixelSize.dm3": "not square, 0.2 nm high and 1 nm wide",
    "dmTest_3D_int16_64,65,66.dm3": "not square, 3 nm high and 0.002 nm wide",
    "test_loading_image_saved_with_DM_stack.tif": "not square, 1686.7 nm high and 168.67 nm wide",
}
FOLDERS = ("rosettasciio", "openNCEM", "particlespy")


def real_file(name: str) -> Path:
    shared_file("formats", "FORMATS.csv")
    return next(path for folder in FOLDERS if (path := shared_file("formats") / folder / name).exists())


@pytest.mark.reference
def test_every_listed_file_has_an_expectation() -> None:
    with shared_file("formats", "FORMATS.csv").open() as listing:
        listed = {row["file"].partition("/")[2] for row in csv.DictReader(listing)}
    assert listed == READ.keys() | REFUSED.keys()


@pytest.mark.reference
@pytest.mark.parametrize("name", READ)
def test_a_real_file_is_read_with_its_scale_in_nm(name: str) -> None:
    count, height, width, dtype, pixel_size_nm = READ[name]
    frames = list(read_frames(real_file(name)))
    assert len(frames) == count
    assert all(frame.pixels.shape == (height, width) and frame.pixels.dtype == dtype for frame in frames)
    if pixel_size_nm is None:
        assert frames[0].pixel_size_nm is None
    else:
        assert frames[0].pixel_size_nm == pytest.approx(pixel_size_nm, rel=1e-5)


@pytest.mark.reference
@pytest.mark.parametrize("name", REFUSED)
def test_a_real_file_that_is_no_plain_micrograph_is_refused_for_the_right_reason(name: str) -> None:
    with pytest.raises(ReadError, match=REFUSED[name]):
        next(read_frames(real_file(name)))


@pytest.mark.reference
def test_the_data_bar_of_a_scanning_microscope_is_noted() -> None:
    notes = read_micrograph(real_file("FEI-Helios-Ebeam-8bits.tif")).notes
    assert notes == ("its last 29 rows are the data bar of the microscope; crop them",)


@pytest.mark.reference
def test_an_image_with_pixels_of_two_units_is_resampled_on_demand() -> None:
    micrograph = read_micrograph(real_file("dmTest_float32_nonSquare_diffPixelSize.dm3"), resample=True)
    assert micrograph.pixels.shape == (64, 640)
    assert micrograph.pixel_size_nm == 0.2


@pytest.mark.reference
@pytest.mark.parametrize("name", ["16_STOimage_1.ser", "128x128_TEM_acquire-sum1_1.ser"])
def test_series_agree_with_rosettasciio(name: str) -> None:
    from rsciio.tia import file_reader

    expected = file_reader(str(real_file(name)))[0]["data"]
    np.testing.assert_array_equal(read_micrograph(real_file(name)).pixels, expected)


@pytest.mark.reference
def test_an_ncem_image_stands_upright_as_its_axes_say() -> None:
    import h5py

    with h5py.File(real_file("Acquisition_18.emd")) as file:
        stored = file["data/single/data"][()]  # its first direction is Y
    np.testing.assert_array_equal(read_micrograph(real_file("Acquisition_18.emd")).pixels, stored)
