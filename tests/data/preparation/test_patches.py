import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tem_rf.data.dihedral import TRANSFORMS, dihedral, inverse_dihedral
from tem_rf.data.preparation.patches import count_left_out, cut_patches
from tem_rf.errors import DatasetError
from tests.helpers.repository import shared_file


def test_patches_come_row_by_row_and_leave_out_the_remainder() -> None:
    image = np.arange(5 * 7).reshape(5, 7)
    patches = cut_patches(image, 2)
    assert patches.shape == (2, 3, 2, 2)
    assert patches[1, 2].tolist() == [[18, 19], [25, 26]]
    assert count_left_out(image.shape, 2) == 5 * 7 - 2 * 3 * 4


def test_an_image_smaller_than_a_patch_is_refused_with_a_size_that_fits() -> None:
    with pytest.raises(DatasetError, match=r"60 x 40 px, smaller than a patch of 64 px; choose `patch_size` 40"):
        cut_patches(np.zeros((40, 60)), 64)


@given(st.integers(0, TRANSFORMS - 1), st.integers(1, 5), st.integers(1, 5))
def test_each_transform_is_undone_by_its_inverse(transform: int, height: int, width: int) -> None:
    stack = np.arange(2 * height * width).reshape(2, height, width)
    assert np.array_equal(inverse_dihedral(dihedral(stack, transform), transform), stack)


def test_the_eight_transforms_differ() -> None:
    square = np.arange(9).reshape(3, 3)
    assert len({dihedral(square, transform).tobytes() for transform in range(TRANSFORMS)}) == TRANSFORMS


def test_there_is_no_ninth_transform() -> None:
    with pytest.raises(ValueError, match="expected 0 to 7, received 8"):
        dihedral(np.zeros((2, 2)), 8)


@pytest.mark.reference
def test_transforms_stand_in_the_order_of_the_study() -> None:
    with np.load(shared_file("reference", "preprocessing.npz")) as study:
        corner = study["first_patch"][:64, :64]
        for transform in range(TRANSFORMS):
            assert np.array_equal(dihedral(corner, transform), study["dihedral8"][transform])


@pytest.mark.reference
def test_patches_and_their_particle_pixels_are_those_of_the_study() -> None:
    with np.load(shared_file("reference", "preprocessing.npz")) as study:
        of_labels = [np.count_nonzero(cut_patches(label, 512), axis=(2, 3)).ravel() for label in study["labels"]]
        pixels = np.concatenate(of_labels)
        assert len(pixels) == study["n_patches_before"]
        assert pixels[pixels > study["background_threshold"]].tolist() == study["patch_particle_pixels"].tolist()
