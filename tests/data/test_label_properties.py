"""Any mask, written in any format, bit depth and layout, is read back the same."""

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import mrcfile
import numpy as np
import roifile
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.ndimage import find_objects, label

from tem_rf.config.reading import reading_settings
from tem_rf.data.labels import read_label_frames
from tests.data.test_labels import pack
from tests.helpers.drawn import coco
from tests.helpers.odd_tiffs import bare_tiff

DERANDOMIZED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# Coarse blocks, so that masks have areas as particles do, and a corner on either side, so that there is something.
BLOCKS = arrays(bool, st.tuples(st.integers(3, 6), st.integers(3, 6)))


@st.composite
def masks(draw: Any) -> Any:
    """(height, width) bool with both values."""
    mask = np.kron(draw(BLOCKS), np.ones((draw(st.integers(2, 5)), draw(st.integers(2, 5))), bool))
    mask[:2, :2], mask[-2:, -2:] = True, False
    return mask


def read_back(path: Any, mask: Any, **options: Any) -> Any:
    image = path.with_name("a.tif")
    (found,) = read_label_frames(path, mask.shape, image=image, reading=reading_settings(**options))
    return found.mask


def in_a_folder(write: Any, name: str, mask: Any, **options: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        np.testing.assert_array_equal(read_back(Path(folder) / name, mask, **options), mask)


INTEGERS = [np.uint8, np.uint16, np.uint32, np.int16, np.int32, np.int64]


@DERANDOMIZED
@given(masks(), st.sampled_from([*INTEGERS, np.float32, np.float64]), st.sampled_from([1, 2, 100]), st.booleans())
def test_numbers_of_every_type(mask: Any, dtype: Any, value: Any, big_endian: Any) -> None:
    written = (mask * value).astype(np.dtype(dtype).newbyteorder(">" if big_endian else "<"))
    in_a_folder(lambda path: np.save(path, written), "m.npy", mask)
    in_a_folder(lambda path: np.save(path, np.asfortranarray(written)), "m.npy", mask)
    in_a_folder(lambda path: np.savez_compressed(path, labels=written), "m.npz", mask)


@DERANDOMIZED
@given(masks(), st.sampled_from([1, 2, 4, 8, 10, 12, 16]), st.sampled_from([None, 3]), st.booleans(), st.booleans())
def test_tiff_of_every_bit_depth_and_order(
    mask: Any, bits: Any, rows_per_strip: Any, big_endian: Any, is_inverted: Any
) -> None:
    most = 2**bits - 1
    stored = np.where(mask, 0, most) if is_inverted else np.where(mask, most, 0)
    content = bare_tiff(
        stored, bits, photometric=0 if is_inverted else 1, rows_per_strip=rows_per_strip, big_endian=big_endian
    )
    in_a_folder(lambda path: path.write_bytes(content), "m.tif", mask)


@DERANDOMIZED
@given(
    masks(),
    st.sampled_from([None, "zlib", "lzw", "packbits", "zstd"]),
    st.sampled_from([np.uint8, np.uint16, np.int32, np.float32]),
    st.sampled_from([{}, {"tile": (16, 16)}, {"rowsperstrip": 4}, {"byteorder": ">"}, {"bigtiff": True}]),
)
def test_tiff_of_every_compression_and_layout(mask: Any, compression: Any, dtype: Any, layout: Any) -> None:
    in_a_folder(
        lambda path: tifffile.imwrite(path, mask.astype(dtype), compression=compression, **layout), "m.tif", mask
    )


@DERANDOMIZED
@given(masks(), st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "I;16"]))
def test_png_of_every_mode(mask: Any, mode: Any) -> None:
    grey = mask * np.uint8(255)
    match mode:
        case "P":
            image = Image.fromarray(mask.astype(np.uint8), "P")
            image.putpalette([0, 0, 0, 200, 30, 30])
        case "I;16":
            image = Image.fromarray(mask * np.uint16(65535))
        case _:
            image = Image.fromarray(grey).convert(mode)
    in_a_folder(lambda path: image.save(path), "m.png", mask)
    if mode in ("1", "L", "RGB"):
        in_a_folder(lambda path: image.save(path), "m.bmp", mask)


@DERANDOMIZED
@given(masks(), st.integers(0, 2))
def test_classes_one_plane_each(mask: Any, axis: Any) -> None:
    planes = np.stack([~mask, mask], axis=axis if axis != 1 else -1)
    if planes.shape[:2] == mask.shape or planes.shape[1:] == mask.shape:
        in_a_folder(lambda path: np.save(path, planes.astype(np.uint8)), "m.npy", mask)


@DERANDOMIZED
@given(masks(), st.sampled_from(["labels", "mask", "exported_data", "entry/labels"]), st.booleans())
def test_hdf5_of_every_name(mask: Any, name: str, chunked: Any) -> None:
    def write(path: Any) -> None:
        with h5py.File(path, "w") as file:
            file.create_dataset(name, data=mask.astype(np.uint8), chunks=mask.shape if chunked else None)

    in_a_folder(write, "m.h5", mask)


@DERANDOMIZED
@given(masks(), st.sampled_from([np.int8, np.int16, np.uint16, np.float32]))
def test_mrc_of_every_mode(mask: Any, dtype: Any) -> None:
    def write(path: Any) -> None:
        with mrcfile.new(path) as file:
            file.set_data(mask.astype(dtype))

    in_a_folder(write, "m.mrc", mask)


@DERANDOMIZED
@given(masks(), st.booleans())
def test_run_lengths(mask: Any, packed: Any) -> None:
    flat = np.concatenate([[False], mask.ravel(order="F"), [not mask[-1, -1]]])
    edges = np.flatnonzero(np.diff(flat))
    runs = np.diff([0, *edges]).tolist()
    runs = runs if sum(runs) == mask.size else [*runs, mask.size - sum(runs)]
    segmentation = {"counts": pack(runs) if packed else runs, "size": list(mask.shape)}
    content = coco("a.tif", [{"segmentation": segmentation}], height=mask.shape[0], width=mask.shape[1])
    in_a_folder(lambda path: path.write_text(content), "m.json", mask)


def rectangles(mask: Any) -> Any:
    """Corners of one-pixel-high rectangles that make up a mask."""
    for row in range(len(mask)):
        for (part,) in find_objects(label(mask[row])[0]):
            x0, x1 = part.start, part.stop
            yield [[x0, row], [x1, row], [x1, row + 1], [x0, row + 1]]


@DERANDOMIZED
@given(masks(), st.sampled_from(["coco", "labelme", "geojson", "rois"]))
def test_outlines_of_every_program(mask: Any, program: Any) -> None:
    outlines = list(rectangles(mask))
    height, width = mask.shape
    match program:
        case "coco":
            annotations = [{"segmentation": [np.ravel(outline).tolist()]} for outline in outlines]
            content = coco("a.tif", annotations, height=height, width=width)
            in_a_folder(lambda path: path.write_text(content), "m.json", mask)
        case "labelme":
            shapes = [{"label": "p", "shape_type": "polygon", "points": outline} for outline in outlines]
            content = json.dumps({"shapes": shapes, "imageHeight": height, "imageWidth": width})
            in_a_folder(lambda path: path.write_text(content), "m.json", mask)
        case "geojson":
            polygons = [[[*outline, outline[0]]] for outline in outlines]
            content = json.dumps({"type": "MultiPolygon", "coordinates": polygons})
            in_a_folder(lambda path: path.write_text(content), "m.geojson", mask)
        case "rois":

            def write(path: Any) -> None:
                with zipfile.ZipFile(path, "w") as archive:
                    for number, outline in enumerate(outlines):
                        roi = roifile.ImagejRoi.frompoints(np.array(outline, np.float32))
                        archive.writestr(f"{number}.roi", roi.tobytes())

            in_a_folder(write, "m.zip", mask)


@DERANDOMIZED
@given(masks(), st.integers(-300, 300), st.integers(1, 300))
def test_any_two_values_when_the_user_names_one(mask: Any, background: Any, step: Any) -> None:
    written = np.where(mask, background + step, background)
    in_a_folder(lambda path: np.save(path, written), "m.npy", mask, particle=str(background + step))
    in_a_folder(lambda path: np.save(path, written), "m.npy", mask, background=str(background))


COLOUR = st.tuples(*[st.integers(0, 255)] * 3)


@DERANDOMIZED
@given(masks(), COLOUR, COLOUR)
def test_any_two_colours_when_the_user_names_one(mask: Any, background: Any, particle: Any) -> None:
    if background == particle:
        particle = (255 - particle[0], *particle[1:])
    written = np.where(mask[..., None], np.uint8(particle), np.uint8(background))
    named = f"#{bytes(particle).hex()}"
    in_a_folder(lambda path: Image.fromarray(written).save(path), "m.png", mask, particle=named)
