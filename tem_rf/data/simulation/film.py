"""The amorphous carbon film: its density fluctuates as that of a liquid of hard spheres, and its thickness varies.

Each micrograph has a film of its own, as large as the field, without a repeat. It is drawn by its power spectrum in
place of atom by atom: a slice of 1 nm holds 100 atoms per nm², so many in a resolved spot that their sum is normally
distributed, and a film of 4096 px would be millions of atoms.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.projection import BAND_LIMIT
from tem_rf.data.simulation.scattering import CARBON, phase_factor
from tem_rf.data.simulation.specimen import Field

DENSITY_PER_NM3 = 100.3  # 2.0 g/cm³, as evaporated films have
NEIGHBOUR_NM = 0.135  # no two atoms come closer; bonds in amorphous carbon are 0.14 nm long
_TABLE_POINTS = 2000
_THICKNESS_WAVES_NM = (4.0, 30.0)  # lengths over which the thickness varies


def structure_factor(frequency: np.ndarray) -> np.ndarray:
    """How far the scattering of the film departs from that of atoms at random: S(g), dimensionless.

    The structure factor of hard spheres (Wertheim 1963, Thiele 1963; Percus-Yevick), whose diameter is the bond.

    Args:
        frequency: Spatial frequency [1/nm], any shape.
    """
    packing = np.pi / 6 * DENSITY_PER_NM3 * NEIGHBOUR_NM**3
    a = (1 + 2 * packing) ** 2 / (1 - packing) ** 4
    b = -6 * packing * (1 + packing / 2) ** 2 / (1 - packing) ** 4
    c = packing * a / 2
    x = np.maximum(2 * np.pi * np.asarray(frequency, dtype=np.float64) * NEIGHBOUR_NM, 0.05)
    sine, cosine = np.sin(x), np.cos(x)
    direct = a * (sine - x * cosine) / x**2
    direct += b * (2 * x * sine + (2 - x**2) * cosine - 2) / x**3
    direct += c * (-(x**4) * cosine + 4 * ((3 * x**2 - 6) * cosine + (x**3 - 6 * x) * sine + 6)) / x**5
    return 1 / (1 + 24 * packing * direct / x)


@dataclass(frozen=True)
class Film:
    """The film of one micrograph.

    Attributes:
        thickness_nm: Mean thickness [nm].
        lost_nm2: Cross section of an atom for leaving the image [nm²].
        settings: Sampling, voltage and how far the thickness varies.
        field: The grid.
    """

    thickness_nm: float
    lost_nm2: float
    settings: SimulationSettings
    field: Field

    def paths(self, count: int, rng: Generator) -> Iterator[np.ndarray]:
        """Phase shift and, as imaginary part, half the loss of each slice: (height, width) complex64."""
        from scipy import fft

        height, width = self.field.shape
        pixel_nm, slice_nm = self.field.pixel_size_nm, self.thickness_nm / count
        rows, columns = np.fft.fftfreq(height, pixel_nm), np.fft.rfftfreq(width, pixel_nm)
        radius = np.hypot(rows[:, None], columns)
        limit = BAND_LIMIT / (2 * pixel_nm)
        table = np.linspace(0, limit, _TABLE_POINTS)
        strength = np.sqrt(structure_factor(table)) * phase_factor(CARBON, table, self.settings.voltage_kv)
        strength *= np.sqrt(DENSITY_PER_NM3 * slice_nm) / pixel_nm
        amplitude = np.interp(radius, table, strength, right=0).astype(np.float32)
        amplitude[0, 0] = 0
        relative = self._relative_thickness(radius, rng)
        mean_phase = phase_factor(CARBON, np.zeros(1), self.settings.voltage_kv)[0]
        constant = np.complex64(DENSITY_PER_NM3 * slice_nm * (mean_phase + 0.5j * self.lost_nm2))
        grown = np.sqrt(relative)
        for _ in range(count):
            white = rng.standard_normal((height, width), dtype=np.float32)
            fluctuation = fft.irfft2(fft.rfft2(white) * amplitude, s=(height, width), overwrite_x=True)
            yield constant * relative + fluctuation * grown

    def _relative_thickness(self, radius: np.ndarray, rng: Generator) -> np.ndarray:
        """Thickness over its mean: (height, width) float32, or 1."""
        from scipy import fft

        if self.settings.film_variation == 0:
            return np.ones((1, 1), dtype=np.float32)
        white = rng.standard_normal(self.field.shape, dtype=np.float32)
        shortest, longest = _THICKNESS_WAVES_NM
        slope = 1 / (radius**2 + (1 / longest) ** 2) * np.exp(-((radius * shortest) ** 2))
        waves = fft.irfft2(fft.rfft2(white) * slope.astype(np.float32), s=self.field.shape)
        waves *= self.settings.film_variation / max(float(waves.std()), 1e-12)
        return np.clip(1 + waves, 0.05, None).astype(np.float32)
