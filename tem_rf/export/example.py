"""A micrograph to test and to show a network with, simulated, so that nobody's data is given away with a model."""

import numpy as np

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.simulation.simulate import simulate_micrograph

_COARSE_NM = 0.06  # between the pixels of the two presets


def example_micrograph(side_px: int, pixel_size_nm: float | None) -> np.ndarray:
    """Simulate gold particles under the conditions that the pixel size suggests.

    Args:
        side_px: Height and width [px].
        pixel_size_nm: Side of a pixel the network was trained at [nm]; the micrograph has that of a preset near it.

    Returns:
        (side_px, side_px) float32 counts, without x-ray outliers.
    """
    preset = "au-20nm-lowres" if pixel_size_nm is not None and pixel_size_nm > _COARSE_NM else "au-2.2nm"
    return simulate_micrograph(simulation_settings(preset, size_px=side_px), seed=2022).pixels.astype(np.float32)
