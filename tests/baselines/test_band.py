import numpy as np
import pytest

from tem_rf.baselines.fourier import Band, default_sigma_px, ring_radius
from tem_rf.errors import SettingsError


@pytest.mark.parametrize("radii", [(55, 38), (38, 38), (-1, 5)])
def test_empty_ring_is_refused(radii: tuple[float, float]) -> None:
    with pytest.raises(SettingsError, match="smaller radius first"):
        Band(*radii)


def test_gaussian_follows_the_fringe_period() -> None:
    assert default_sigma_px(Band(38, 55), (1024, 2048)) == 18.0
    assert default_sigma_px(Band(76, 110), (512, 512)) == 4.5


def test_ring_radius_of_a_rectangle_solved_by_hand() -> None:
    np.testing.assert_allclose(
        ring_radius((2, 4)), [[np.sqrt(2), np.hypot(1, 0.5), 1, np.hypot(1, 0.5)], [1, 0.5, 0, 0.5]]
    )


def test_centre_of_an_odd_transform_is_its_middle_pixel() -> None:
    np.testing.assert_allclose(ring_radius((3, 3))[1], [1, 0, 1])
