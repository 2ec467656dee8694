"""A micrograph from somebody else shows what is in its own file; headers that lie are in data/test_bad_files.py."""

import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile

from tem_rf.data.labels import read_label
from tem_rf.data.readers import read_frames
from tem_rf.errors import ReadError

SHAPE = (32, 32)
PIXELS = np.arange(1024, dtype=np.uint16).reshape(SHAPE)
ENTITY = "&e{};"
OME = """<?xml version="1.0" encoding="UTF-8"?>{doctype}
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="{image}"><Pixels ID="Pixels:0"
DimensionOrder="XYZCT" Type="uint16" SizeX="32" SizeY="32" SizeC="1" SizeZ="2" SizeT="1">
<TiffData IFD="0" FirstZ="0" PlaneCount="1"/>
<TiffData IFD="0" FirstZ="1" PlaneCount="1"><UUID FileName="../private.tif">urn:uuid:1</UUID></TiffData>
</Pixels></Image></OME>"""


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """An HDF5 file outside the folder that was received."""
    with h5py.File(tmp_path / "private.h5", "w") as file:
        file["x"] = PIXELS
    tifffile.imwrite(tmp_path / "private.tif", PIXELS[::-1])
    (tmp_path / "received").mkdir()
    return tmp_path / "private.h5"


def external_link(file: Any, private: Path) -> None:
    file["images"] = h5py.ExternalLink("../private.h5", "/x")


def external_link_in_a_group(file: Any, private: Path) -> None:
    file["images"] = PIXELS
    file.create_group("a/b")["metadata"] = h5py.ExternalLink(str(private), "/x")


def external_storage(file: Any, private: Path) -> None:
    file.create_dataset("images", SHAPE, np.uint16, external=[(str(private), 0, 2048)])


def virtual_dataset(file: Any, private: Path) -> None:
    layout = h5py.VirtualLayout(SHAPE, np.uint16)
    layout[:] = h5py.VirtualSource(str(private), "x", SHAPE)
    file.create_virtual_dataset("images", layout)


@pytest.mark.parametrize("suffix", [".h5", ".hspy", ".emd"])
@pytest.mark.parametrize("attack", [external_link, external_link_in_a_group, external_storage, virtual_dataset])
def test_hdf5_shows_no_other_file(attack: Callable[..., Any], suffix: str, private: Path) -> None:
    path = private.parent / "received" / f"micrograph{suffix}"
    with h5py.File(path, "w") as file:
        attack(file, private)
        file["padding"] = np.zeros(5000)  # so that the size of the file gives nothing away
    for read in (lambda: list(read_frames(path)), lambda: read_label(path, SHAPE)):
        with pytest.raises(ReadError, match="is kept in another file"):
            read()


@pytest.mark.parametrize("suffix", [".emd", ".hspy"])
def test_metadata_that_unpack_to_gigabytes_are_refused_before_they_are_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    with h5py.File(path, "w") as file:
        file["Version"] = "1"
        group = file.create_group("Data/Image/a")
        group["Data"] = PIXELS[..., np.newaxis]
        group.create_dataset("Metadata", (10**10, 1), np.uint8, chunks=(1024, 1), compression="gzip")
    tracemalloc.start()
    try:
        with pytest.raises(ReadError, match="the header claims 10000000000 bytes"):
            list(read_frames(path))
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_ome_metadata_that_name_another_file_show_only_this_one(private: Path) -> None:
    path = private.parent / "received" / "a.ome.tif"
    tifffile.imwrite(path, PIXELS, description=OME.format(doctype="", image="Image:0"), metadata=None)
    frames = list(read_frames(path))
    assert frames
    assert all(np.array_equal(frame.pixels, PIXELS) or not frame.pixels.any() for frame in frames)


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY x SYSTEM "file:///etc/hostname">',
        '<!ENTITY e0 "lol">'
        + "".join(f'<!ENTITY e{n} "{10 * ENTITY.format(n - 1)}">' for n in range(1, 10))
        + '<!ENTITY x "&e9;">',
    ],
    ids=["of a file", "that grow tenfold ten times"],
)
def test_entities_in_xml_are_not_expanded(entities: Any, tmp_path: Path) -> None:
    description = OME.format(doctype=f"<!DOCTYPE OME [{entities}]>", image="&x;")
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, description=description, metadata=None)
    tracemalloc.start()
    try:
        with pytest.raises(ReadError, match="cannot be read"):
            list(read_frames(tmp_path / "a.ome.tif"))
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


class CreatesAFile:
    """A pickle that creates a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickled_objects_in_numpy_files_are_not_unpickled(suffix: str, tmp_path: Path) -> None:
    bait, path = tmp_path / "created", tmp_path / f"a{suffix}"
    save = np.save if suffix == ".npy" else np.savez
    save(path, np.array([CreatesAFile(bait)], dtype=object))
    with pytest.raises(ReadError):
        list(read_frames(path))
    assert not bait.exists()


def test_names_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "received").mkdir()
    path = tmp_path / "received" / "a.npz"
    np.save(tmp_path / "x.npy", PIXELS)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(tmp_path / "x.npy", "../../images.npy")
    (frame,) = read_frames(path)
    assert np.array_equal(frame.pixels, PIXELS)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a.npz", "received", "x.npy"]


@pytest.mark.parametrize("codec", ['"pickle"', r'"\u0070ickle"', '"numcodecs.pickle"'])
def test_pickled_arrays_of_a_zarr_folder_are_refused_before_zarr_sees_them(codec: str, tmp_path: Path) -> None:
    (tmp_path / "a.zspy" / "data").mkdir(parents=True)
    (tmp_path / "a.zspy" / "data" / ".zarray").write_text(f'{{"filters": [{{"id": {codec}}}]}}')
    with pytest.raises(ReadError, match="data is pickled"):
        list(read_frames(tmp_path / "a.zspy"))


def test_links_in_a_zarr_folder_are_refused(private: Path) -> None:
    (private.parent / "a.zspy").mkdir()
    (private.parent / "a.zspy" / "0.0").symlink_to(private)
    with pytest.raises(ReadError, match="is a link to another file"):
        list(read_frames(private.parent / "a.zspy"))
