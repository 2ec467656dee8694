"""What presets were fitted to: micrographs of 2.2 nm gold are as dark and as evenly grained as real ones."""

import numpy as np

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.reduction import reduce_and_enlarge
from tem_rf.data.simulation.appearance import measure_appearance
from tem_rf.data.simulation.micrograph import simulate_micrograph

PRINTED_PX = 132  # side at which the real panels were printed


def test_small_gold_has_the_contrast_and_the_fringes_of_real_panels() -> None:
    settings = simulation_settings("au-2.2nm")
    micrographs = [simulate_micrograph(settings, seed=seed) for seed in range(6)]
    found = [
        measure_appearance(
            reduce_and_enlarge(one.pixels, settings.size_px / PRINTED_PX), one.mask, settings.pixel_size_nm
        )
        for one in micrographs
    ]
    # Of four panels (docs/experiments.md); micrographs of both sides of focus have -0.6 to -0.1 one by one.
    contrast = np.array([one.contrast for one in found])
    assert -0.37 <= contrast.mean() <= -0.31
    assert contrast.max() < -0.15
    assert 1.1 <= np.mean([one.sd_ratio for one in found]) <= 1.4
