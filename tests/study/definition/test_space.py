"""The space of a study holds the networks that fit a dataset, and says what is nearest where none does."""

import pytest

from tem_rf.data.manifest import Manifest
from tem_rf.errors import StudyError
from tem_rf.study.definition.sections import Space
from tem_rf.study.definition.space import candidates


def names(space: Space, manifest: Manifest) -> list[str]:
    return [each.name for each in candidates(space, manifest)]


def test_the_study_has_117_sequences_of_which_30_fit_its_patches(manifest: Manifest) -> None:
    assert len(names(Space(within_patch=False), manifest.model_copy(update={"patch_size": 4096}))) == 117
    fitting = candidates(Space(), manifest)
    assert len(fitting) == 30
    assert all(512 % each.stride == 0 and each.receptive_field.size_px.mean < 512 for each in fitting)


def test_limits_in_px_and_in_nm_are_the_same_limits(manifest: Manifest) -> None:
    in_px = names(Space(min_field_px=100, max_field_px=200), manifest)
    in_nm = names(Space(min_field_nm=100 * 0.02152, max_field_nm=200 * 0.02152), manifest)
    assert in_px == in_nm != []
    assert all(
        100 <= each.receptive_field.size_px.mean <= 200
        for each in candidates(Space(min_field_px=100, max_field_px=200), manifest)
    )


def test_dilations_and_parts_are_combined_with_every_sequence(manifest: Manifest) -> None:
    space = Space(depths=(1, 2), poolings=(2,), dilations=(1, 2, (1, 1, 2)), parts=("", "smooth", "f8"))
    assert names(space, manifest) == [
        "n1-p2",
        "n1-p2-d22",
        "n1-p2-d22-smooth",
        "n1-p2-f8",
        "n1-p2-d22-f8",
        "n2-p22",
        "n2-p22-d222",
        "n2-p22-d112",
        "n2-p22-d222-smooth",
        "n2-p22-d112-smooth",
        "n2-p22-f8",
        "n2-p22-d222-f8",
        "n2-p22-d112-f8",
    ]


def test_networks_by_name_replace_the_lists(manifest: Manifest) -> None:
    assert names(Space(networks=("n2-p44", "n2-p22", "n2-p44")), manifest) == ["n2-p44", "n2-p22"]


def test_a_network_that_sees_the_whole_image_is_not_smaller_than_the_patch(manifest: Manifest) -> None:
    whole = ("n2-p22-instance", "n2-p22")
    assert names(Space(networks=whole), manifest) == ["n2-p22"]
    assert names(Space(networks=whole, within_patch=False), manifest) == list(whole)
    assert names(Space(networks=whole, within_patch=False, max_field_px=9999), manifest) == ["n2-p22"]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (Space(depths=()), "space: contains no network"),
        (Space(poolings=()), "space: contains no network"),
        (Space(min_field_px=401, max_field_px=410, depths=(2,)), r"closest is n2-p88 with 392 px"),
        (
            Space(min_field_nm=8.6, max_field_nm=8.8, depths=(2,)),
            r"at least 399.628 px and of at most 408.922 px and.*closest is n2-p88",
        ),
        (
            Space(min_field_px=600),
            r"expected a receptive field of at least 600 px and smaller than the patch of 512 px, which is impossible",
        ),
        (
            Space(networks=("n3-p888",)),
            r"no network in the space has a receptive field smaller than the patch of 512 px",
        ),
        (Space(min_field_px=60, max_field_px=50), "which is impossible"),
        (
            Space(poolings=(3,)),
            r"not divisible by the pooling product of any network in the space .the smallest is 9.;",
        ),
        (Space(networks=("unet",)), r"space: 'unet' is not an architecture"),
        (Space(parts=("k4",)), r"space: kernel_size: expected an odd"),
        (Space(poolings=(0,)), r"space: pooling_sequence: sizes must be whole numbers of at least 1"),
        (Space(networks=("n2-p22-c300000",)), "space: convolutions_per_block: expected sizes of at most 32"),
        (Space(dilations=((1, 1, 0),)), r"space: dilation_sequence: sizes must be"),
        (Space(depths=(12,)), r"space: expected at most 20,000 networks, received 531,441"),
    ],
)
def test_a_space_that_nothing_is_left_of_is_refused_in_one_line(space: Space, message: str, manifest: Manifest) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        candidates(space, manifest)
    assert "\n" not in str(caught.value)


def test_limits_in_nm_need_a_pixel_size(manifest: Manifest) -> None:
    with pytest.raises(StudyError, match="au-5nm: has no pixel size"):
        candidates(Space(max_field_nm=8), manifest.model_copy(update={"pixel_size_nm": None}))
