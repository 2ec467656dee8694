"""Which values, colours, channels and pages of a label are particle: told right, chosen by the user, or refused."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from tem_rf.errors import DatasetError, ReadError
from tests.helpers.drawn import (
    INSTANCES,
    MASK,
    MICROGRAPH,
    painted,
    read_one,
    softened,
    write_imagej_inverting_png,
    write_imagej_inverting_tiff,
    write_palette,
)

RED, WHITE, BLACK, YELLOW, PURPLE = (255, 0, 0), (255, 255, 255), (0, 0, 0), (253, 231, 37), (68, 1, 84)
ON_RIGHT = np.broadcast_to(np.arange(MASK.shape[1]) >= 112, MASK.shape)


def png(image: Any, path: Any, **options: Any) -> None:
    Image.fromarray(image).save(path, **options)


# name of the file: what writes it, what the note says ("" where there is nothing to say)
TOLD = {
    "zero and one.png": (lambda path: png(MASK.astype(np.uint8), path), ""),
    "16 bits.png": (lambda path: png(MASK * np.uint16(65535), path), ""),
    "1 bit.png": (lambda path: Image.fromarray(MASK).save(path), ""),
    "group 4.tif": (lambda path: Image.fromarray(MASK).save(path, compression="group4"), ""),
    "1 bit inverted.tif": (lambda path: tifffile.imwrite(path, ~MASK, photometric="miniswhite"), "MinIsWhite"),
    "inverting LUT.tif": (write_imagej_inverting_tiff, "inverting LUT"),
    "inverting LUT.png": (write_imagej_inverting_png, "inverting LUT"),
    "one and two.png": (
        lambda path: png(MASK.astype(np.uint8) + np.uint8(1), path),
        "value 1 is read as background, 2",
    ),
    "signed bytes.npy": (
        lambda path: np.save(path, MASK.astype(np.int8) + np.int8(-128)),
        "value -128 is read as background",
    ),
    "counted down from 255.png": (lambda path: png(MASK.astype(np.uint8) + np.uint8(254), path), "value 254 is read"),
    "minus one.npy": (lambda path: np.save(path, np.where(MASK, 1, -1)), "value -1 is read as background, 1"),
    "minus one, numbered.npy": (
        lambda path: np.save(path, np.where(MASK, INSTANCES, -1)),
        "-1 is read as background",
    ),
    "true is minus one.npy": (lambda path: np.save(path, -MASK.astype(np.int16)), "-1 is read as particle, 0 as"),
    "NaN.tif": (
        lambda path: tifffile.imwrite(path, np.where(MASK, 1, np.nan).astype(np.float32)),
        "NaN is read as back",
    ),
    "NaN beside zero.npy": (
        lambda path: np.save(path, np.where(ON_RIGHT & ~MASK, np.nan, MASK)),
        "NaN is read as background, 12.",
    ),
    "probability.npy": (lambda path: np.save(path, np.where(MASK, 0.9, 0.2)), "value 0.2 is read as background"),
    "soft.png": (lambda path: softened(MASK * np.uint8(255)).save(path), "has soft edges; cut half-way"),
    "JPEG.jpg": (lambda path: png(MASK * np.uint8(255), path, quality=50), "compressed with loss"),
    "JPEG named.png": (lambda path: png(MASK * np.uint8(255), path, format="JPEG", quality=50), "compressed with loss"),
    "JPEG in.tif": (
        lambda path: png(MASK * np.uint8(255), path, compression="jpeg", quality=50),
        "compressed with loss",
    ),
    "red on black.png": (lambda path: png(painted(BLACK, RED), path), ""),
    "red on white.png": (lambda path: png(painted(WHITE, RED), path), "white is read as background"),
    "white on black.png": (lambda path: png(painted(BLACK, WHITE), path), ""),
    "red on clear.png": (lambda path: png(painted((255, 255, 255, 0), (255, 0, 0, 255)), path), "transparent is read"),
    "black on clear.png": (lambda path: png(painted((0, 0, 0, 0), (0, 0, 0, 255)), path), "transparent is read as"),
    "grey and opacity.png": (
        lambda path: Image.fromarray(painted((0, 255), (255, 255)), "LA").save(path),
        "",
    ),
    "soft red on white.png": (lambda path: softened(painted(WHITE, RED)).save(path), "colours blend at its edges"),
    "red on white.jpg": (lambda path: png(painted(WHITE, RED), path, quality=60), "colours blend at its edges"),
    "a colour each.png": (
        lambda path: png((INSTANCES[..., None] * np.uint8([37, 91, 53])).astype(np.uint8), path),  # type: ignore[arg-type, operator]
        "black is read as background, the 2 other colours as particle",
    ),
    "VOC palette.png": (lambda path: write_palette(path, MASK, [0, 0, 0, 128, 0, 0]), ""),
    "white first in the palette.png": (lambda path: write_palette(path, ~MASK, [*WHITE, *BLACK]), ""),
    "palette of one colour.png": (lambda path: write_palette(path, MASK, [0] * 6), ""),
    "one-hot, channels last.npy": (lambda path: np.save(path, np.stack([~MASK, MASK], -1)), "used the second"),
    "one-hot, channels first.npy": (lambda path: np.save(path, np.stack([~MASK, MASK])), "used the second"),
    "probabilities of two.npy": (
        lambda path: np.save(path, np.stack([np.where(MASK, 0.1, 0.9), np.where(MASK, 0.9, 0.1)], -1)),
        "used the second",
    ),
    "saved as pages.tif": (
        lambda path: tifffile.imwrite(path, np.stack([~MASK, MASK], -1) * np.uint8(255)),
        "used the second",
    ),
    "a page each.tif": (
        lambda path: tifffile.imwrite(path, np.stack([INSTANCES == 1, INSTANCES == 2]).astype(np.uint8)),
        "one particle each; they were merged",
    ),
    "ilastik.h5": (
        lambda path: h5py.File(path, "w").create_dataset("exported_data", data=MASK[..., None].astype(np.uint8) + 1),
        "value 1 is read as background",
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_label_of_any_kind_marks_the_particles_and_says_how_it_was_understood(name: str, tmp_path: Path) -> None:
    write, note = TOLD[name]
    write(tmp_path / name)  # type: ignore[no-untyped-call]
    label = read_one(tmp_path / name)
    wrong = label.mask != MASK
    assert wrong.sum() <= (4 if "soft" in name or "JPEG" in name or name.endswith("jpg") else 0)
    assert (note in " ".join(label.notes)) if note else label.notes == ()


@pytest.mark.parametrize("quality", [20, 40, 75, 95])
def test_a_mask_that_was_a_jpeg_once_has_no_rim(quality: Any, tmp_path: Path) -> None:
    png(MASK * np.uint8(255), tmp_path / "a.jpg", quality=quality)
    Image.open(tmp_path / "a.jpg").save(tmp_path / "a.png")
    assert (read_one(tmp_path / "a.png").mask != MASK).sum() <= 4


# What nobody can tell is refused, and the options tell it.
CHOSEN = {
    "three values": (
        lambda path: png((1 + MASK + 2 * ON_RIGHT * ~MASK).astype(np.uint8), path),
        "holds the values 1 (",
        {"particle": "2"},
    ),
    "minus one, zero and one": (
        lambda path: np.save(path.with_suffix(".npy"), np.where(MASK, 1, np.where(ON_RIGHT, -1, 0))),
        "holds the values -1 (",
        {"particle": "1", "not_sure": "-1"},
    ),
    "two colours": (
        lambda path: png(painted(PURPLE, YELLOW), path),
        "holds the colours #440154 (",
        {"particle": "#fde725"},
    ),
    "two colours, by the other": (
        lambda path: png(painted(PURPLE, YELLOW), path),
        "holds the colours #440154 (",
        {"background": "rgb(68, 1, 84)"},
    ),
    "black, white and red": (
        lambda path: png(np.where(ON_RIGHT[..., None] & ~MASK[..., None], np.uint8(255), painted(BLACK, RED)), path),
        "holds the colours black (",
        {"particle": "red"},
    ),
    "a channel per class": (
        lambda path: np.save(path.with_suffix(".npy"), np.stack([~MASK & ~ON_RIGHT, MASK, ON_RIGHT & ~MASK], -1)),
        "holds 3 channels: 1 (",
        {"particle": "2"},
    ),
    "a channel beside the micrograph": (
        lambda path: tifffile.imwrite(
            path.with_suffix(".tif"),
            np.stack([MICROGRAPH, MASK * np.uint8(255)]),
            imagej=True,
            metadata={"axes": "CYX"},
        ),
        "It is number 1 of 2 channels",
        {"particle": "2"},
    ),
    "masks that overlap": (
        lambda path: np.save(path.with_suffix(".npy"), np.stack([MASK, MASK | ON_RIGHT])),
        "several overlapping masks for one micrograph",
        {"particle": "1"},
    ),
    "one of several arrays": (
        lambda path: np.savez(path.with_suffix(".npz"), first=MASK, second=~MASK),
        "holds first, second; expected an array named labels",
        {"label_array": "first"},
    ),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_what_cannot_be_told_is_refused_with_its_shares_and_told_by_an_option(name: str, tmp_path: Path) -> None:
    write, reason, options = CHOSEN[name]
    write(tmp_path / "a.png")  # type: ignore[no-untyped-call]
    (path,) = tmp_path.iterdir()
    with pytest.raises((DatasetError, ReadError)) as caught:
        read_one(path)
    assert reason in str(caught.value)
    assert any(option in str(caught.value) for option in ("`particle`", "`label_array`"))
    np.testing.assert_array_equal(read_one(path, **options).mask, MASK)  # type: ignore[arg-type]


def test_what_is_not_sure_is_kept_apart(tmp_path: Path) -> None:
    png(np.where(ON_RIGHT & ~MASK, np.uint8(7), MASK.astype(np.uint8)), tmp_path / "a.png")
    label = read_one(tmp_path / "a.png", not_sure="7")
    np.testing.assert_array_equal(label.mask, MASK)
    np.testing.assert_array_equal(label.unsure, ON_RIGHT & ~MASK)


def test_values_that_may_be_classes_are_named_with_their_shares(tmp_path: Path) -> None:
    stripes = np.broadcast_to((np.arange(MASK.shape[0]) // 4 % 2 == 1)[:, None], MASK.shape) & ~MASK
    png((MASK + 2 * stripes).astype(np.uint8), tmp_path / "a.png")
    label = read_one(tmp_path / "a.png")
    assert "all values except 0 are read as particles: 0 (" in label.notes[0]
    np.testing.assert_array_equal(read_one(tmp_path / "a.png", particle="1").mask, MASK)


def test_instance_numbers_are_never_taken_for_soft_edges(tmp_path: Path) -> None:
    y, x = np.ogrid[:200, :200]
    numbered = np.where(((y % 20) - 10) ** 2 + ((x % 20) - 10) ** 2 <= 49, y // 20 * 10 + x // 20 + 1, 0)
    for dtype in (np.uint8, np.uint16, np.int32, np.float32):
        np.save(tmp_path / "a.npy", numbered.astype(dtype))
        label = read_one(tmp_path / "a.npy", (200, 200))
        np.testing.assert_array_equal(label.mask, numbered > 0)
        assert label.notes == ()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_micrograph_itself_is_no_label(dtype: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", MICROGRAPH.astype(dtype))
    with pytest.raises(DatasetError, match="change from pixel to pixel, as in a micrograph"):
        read_one(tmp_path / "a.npy")


@pytest.mark.parametrize(("share", "said"), [(0.7, "70.0 % of the pixels as particle; is it"), (5e-4, "only 0.0")])
def test_a_label_that_is_nearly_full_or_nearly_empty_says_so(share: Any, said: Any, tmp_path: Path) -> None:
    mask = np.zeros(MASK.size, np.uint8)
    mask[: round(share * mask.size)] = 255
    png(mask.reshape(MASK.shape), tmp_path / "a.png")
    assert said in read_one(tmp_path / "a.png").notes[-1]


def test_a_label_on_its_side_is_refused_as_such(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", MASK.T)
    with pytest.raises(DatasetError, match=r"the label is 96 x 128 px, .* It is rotated by 90 degrees: rotate it back"):
        read_one(tmp_path / "a.npy")


def test_a_pickle_is_refused_because_it_can_run_code(tmp_path: Path) -> None:
    np.save(tmp_path / "a_seg.npy", np.array({"masks": MASK}, dtype=object), allow_pickle=True)
    with pytest.raises(ReadError, match=r"can run code, so it is not read\. Save the masks as PNG or TIFF"):
        read_one(tmp_path / "a_seg.npy")
