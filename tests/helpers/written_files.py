"""Small files of every kind that can be written, for the tests of reading."""

import json
import struct
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import tifffile
from PIL import Image

PIXEL_SIZE_NM = 0.25


def counts(shape: tuple[int, ...] = (24, 40), dtype: type = np.uint16) -> np.ndarray:
    """Counts around 1000 with a gradient, so that a transposed or flipped image is noticed."""
    ramp = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    return (900 + ramp % 251 + np.random.default_rng(7).poisson(20, shape)).astype(dtype)


def write_imagej_tiff(path: Path) -> np.ndarray:
    image = counts()
    resolution = (1 / PIXEL_SIZE_NM, 1 / PIXEL_SIZE_NM)
    tifffile.imwrite(path, image, imagej=True, resolution=resolution, metadata={"unit": "nm"})
    return image


def write_deflated_tiff(path: Path) -> np.ndarray:
    image = counts()
    tifffile.imwrite(path, image, compression="zlib", predictor=True, rowsperstrip=8)
    return image


def write_lzw_tiff(path: Path) -> np.ndarray:
    image = counts()
    Image.fromarray(image).save(path, compression="tiff_lzw")
    return image


def write_ome_tiff(path: Path) -> np.ndarray:
    image = counts((3, 24, 40))
    sizes = {"PhysicalSizeX": 250, "PhysicalSizeXUnit": "pm", "PhysicalSizeY": 250, "PhysicalSizeYUnit": "pm"}
    tifffile.imwrite(path, image, ome=True, metadata={"axes": "TYX", **sizes})
    return image


def write_png(path: Path) -> np.ndarray:
    image = counts()
    Image.fromarray(image).save(path)
    return image


def write_jpeg(path: Path) -> np.ndarray:
    Image.fromarray((counts() // 8).astype(np.uint8)).save(path, quality=95)
    return np.asarray(Image.open(path))


def write_npy(path: Path) -> np.ndarray:
    image = counts()
    np.save(path, image)
    return image


def write_npz(path: Path) -> np.ndarray:
    images = counts((3, 24, 40))
    np.savez_compressed(path, images=images, pixel_size_nm=PIXEL_SIZE_NM)
    return images


def write_hdf5(path: Path) -> np.ndarray:
    images = counts((3, 24, 40))
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=images, chunks=(1, 24, 40), compression="gzip")
        file.attrs["pixel_size_nm"] = PIXEL_SIZE_NM
    return images


def write_mrc(path: Path) -> np.ndarray:
    image = counts()
    with mrcfile.new(path) as mrc:
        mrc.set_data(image)
        mrc.voxel_size = PIXEL_SIZE_NM * 10  # MRC counts in Å
    return image


def write_ncem_emd(path: Path) -> np.ndarray:
    image = counts()
    with h5py.File(path, "w") as file:
        file.attrs.update(version_major=0, version_minor=2)
        group = file.create_group("data/scan")
        group.attrs["emd_group_type"] = 1
        group["data"] = image
        for index, (axis, size) in enumerate(zip("YX", image.shape, strict=True), start=1):
            group[f"dim{index}"] = np.arange(size) * PIXEL_SIZE_NM
            group[f"dim{index}"].attrs.update(name=axis, units="[n_m]")
    return image


def write_velox_emd(path: Path, unit: str = "m") -> np.ndarray:
    image = counts()
    map_of_gold = np.zeros((24, 40), np.float32)
    with h5py.File(path, "w") as file:
        file["Version"] = [json.dumps({"format": "Velox", "version": "1.10"})]
        _write_velox_image(file.create_group("Data/Image/0a"), map_of_gold, {"Detector": "SuperX"}, unit)
        _write_velox_image(file.create_group("Data/Image/1b"), image, {"Detector": "HAADF", "DetectorIndex": "4"}, unit)
    return image


def _write_velox_image(group: h5py.Group, image: np.ndarray, result: dict[str, object], unit: str) -> None:
    side = str(PIXEL_SIZE_NM * 1e-9)
    result |= {"PixelSize": {"width": side, "height": side}, "PixelUnitX": unit, "PixelUnitY": unit}
    text = np.frombuffer(json.dumps({"BinaryResult": result}).encode().ljust(1000, b"\0"), np.uint8)
    group.create_dataset("Data", data=image[:, :, None], chunks=(*image.shape, 1))
    group["Metadata"] = text[:, None]


def write_hspy(path: Path, unit: str = "nm") -> np.ndarray:
    from rsciio.hspy import file_writer

    image = counts()
    axes = [
        {"size": size, "name": name, "scale": PIXEL_SIZE_NM, "offset": 0.0, "units": unit, "navigate": False}
        for size, name in zip(image.shape, "yx", strict=True)
    ]
    signal = {"data": image, "axes": axes, "metadata": {"General": {"title": "carbon"}}, "original_metadata": {}}
    signal |= {
        "package_info": {},
        "tmp_parameters": {},
        "attributes": {"_lazy": False},
        "learning_results": {},
        "models": None,
    }
    file_writer(path, signal, close_file=True)
    return image


def write_ser(path: Path, frames: int = 1) -> np.ndarray:
    """TIA's series of images, 32-bit offsets, uint16 (http://www.er-c.org/cbb/info/TIAformat/)."""
    images = counts((frames, 24, 40))
    dimension = struct.pack("<IddIII", frames, 0.0, 1.0, 0, 0, 0)  # size, offset, step, index, no words, no unit
    array_offset = 30 + len(dimension)
    header = struct.pack("<HHHIIIIII", 0x4949, 0x0197, 0x0210, 0x4122, 0x4152, frames, frames, array_offset, 1)
    header += dimension
    element = struct.pack("<ddi", 0.0, PIXEL_SIZE_NM * 1e-9, 0) * 2 + struct.pack("<HII", 2, 40, 24)
    first = array_offset + 8 * frames
    size = len(element) + images[0].nbytes
    tags = first + frames * size
    offsets = [first + index * size for index in range(frames)] + [tags + index * 8 for index in range(frames)]
    body = b"".join(element + image[::-1].tobytes() for image in images)  # TIA stores rows from the bottom up
    path.write_bytes(
        header + struct.pack(f"<{2 * frames}I", *offsets) + body + struct.pack("<HxxI", 0x4152, 0) * frames
    )
    return images if frames > 1 else images[0]


# Every kind by its suffix, unique in the part before the last dot.
WRITERS = {
    "imagej.tif": write_imagej_tiff,
    "deflated.tif": write_deflated_tiff,
    "lzw.tif": write_lzw_tiff,
    "stack.ome.tif": write_ome_tiff,
    "grey.png": write_png,
    "grey.jpg": write_jpeg,
    "array.npy": write_npy,
    "stack.npz": write_npz,
    "stack.h5": write_hdf5,
    "image.mrc": write_mrc,
    "ncem.emd": write_ncem_emd,
    "velox.emd": write_velox_emd,
    "image.hspy": write_hspy,
    "scan_1.ser": write_ser,
}
STATES_NO_PIXEL_SIZE = {"deflated.tif", "lzw.tif", "grey.png", "grey.jpg", "array.npy"}
