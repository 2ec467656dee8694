"""How electrons scatter from atoms: wavelength, interaction constant, scattering factors."""

import math
from dataclasses import dataclass

import numpy as np

_PLANCK = 6.62607015e-34  # J s
_ELECTRON_MASS = 9.1093837015e-31  # kg
_ELEMENTARY_CHARGE = 1.602176634e-19  # C
_LIGHT_SPEED = 299792458.0  # m/s
_REST_ENERGY_EV = _ELECTRON_MASS * _LIGHT_SPEED**2 / _ELEMENTARY_CHARGE

# h² / (2 pi m e) = 0.4788 V nm² turns a scattering factor [nm] into the Fourier transform of a potential [V nm³].
POTENTIAL_V_NM2 = _PLANCK**2 / (2 * math.pi * _ELECTRON_MASS * _ELEMENTARY_CHARGE) * 1e18


@dataclass(frozen=True)
class Element:
    """An element's elastic scattering.

    Attributes:
        symbol: Chemical symbol.
        amplitudes: Coefficients a_1 .. a_5 [Å].
        widths: Coefficients b_1 .. b_5 [Å²].
        debye_waller: B at room temperature [Å²]; the frequency is 1/d, so intensities fall by exp(-B g² / 2).

    Source: Lobato and Van Dyck 2014, Acta Cryst. A70, 636-649, the table of f_e.
    """

    symbol: str
    amplitudes: tuple[float, ...]
    widths: tuple[float, ...]
    debye_waller: float


# B of the film stands for zero-point and thermal motion; its disorder is in the positions.
CARBON = Element(
    "C",
    (124.466088621343, -220.352857078963, 195.235352280479, -98.1079361269799, 0.0142023041213623),
    (2.42120849256005, 2.30537943752425, 2.04851932106564, 1.93352552917547, 0.0768976818478339),
    debye_waller=0.5,
)
GOLD = Element(
    "Au",
    (1.6759346706487, 3.00486602969729, 0.595340013161635, 0.0117163186623094, 4.296782976398e-05),
    (5.52231093211402, 1.38007223007196, 0.162229237655945, 0.00901814890416575, 0.00037927766747767),
    debye_waller=0.62,
)


def wavelength_nm(voltage_kv: float) -> float:
    """Relativistic wavelength of the electron [nm].

    >>> round(wavelength_nm(300) * 1e3, 4)
    1.9687
    """
    volt = voltage_kv * 1e3
    momentum = math.sqrt(2 * _ELECTRON_MASS * _ELEMENTARY_CHARGE * volt * (1 + volt / (2 * _REST_ENERGY_EV)))  # kg m/s
    return _PLANCK / momentum * 1e9


def interaction_constant(voltage_kv: float) -> float:
    """Phase per projected potential [rad / (V nm)]: 2 pi m e lambda / h² with the relativistic mass.

    >>> round(interaction_constant(300), 4)
    0.0065
    """
    mass = _ELECTRON_MASS * _lorentz_factor(voltage_kv)
    return 2 * math.pi * mass * _ELEMENTARY_CHARGE * wavelength_nm(voltage_kv) / _PLANCK**2 * 1e-18


def scattering_factor(element: Element, frequency: np.ndarray) -> np.ndarray:
    """Elastic scattering factor of an atom at rest, without the relativistic mass.

    Args:
        element: Which atom.
        frequency: Spatial frequency g = 1/d [1/nm], any shape.

    Returns:
        f_e(g) [nm], float64, same shape.

    >>> [round(float(scattering_factor(e, np.zeros(1))[0]) * 10, 2) for e in (CARBON, GOLD)]  # in Å
    [2.51, 10.58]
    """
    squared = np.square(np.asarray(frequency, dtype=np.float64) / 10)[..., None]  # 1/Å²
    terms = np.asarray(element.amplitudes) * (2 + np.asarray(element.widths) * squared)
    return (terms / (1 + np.asarray(element.widths) * squared) ** 2).sum(-1) / 10


def phase_factor(element: Element, frequency: np.ndarray, voltage_kv: float) -> np.ndarray:
    """Fourier transform of the phase shift that one vibrating atom gives the wave [rad nm²]."""
    motion = np.exp(-element.debye_waller / 4 * np.square(frequency / 10))
    return interaction_constant(voltage_kv) * POTENTIAL_V_NM2 * scattering_factor(element, frequency) * motion


def cross_section_beyond(element: Element, frequency: float, voltage_kv: float) -> float:
    """Elastic cross section of one atom for scattering past a spatial frequency [nm²].

    Args:
        element: Which atom.
        frequency: Radius of the aperture [1/nm].
        voltage_kv: Accelerating voltage [kV].
    """
    from scipy.integrate import trapezoid

    beyond = np.geomspace(frequency, 400.0, 2000)  # 1/nm; |f|² falls as g^-4, the tail left out is under 0.1 %
    amplitude = _lorentz_factor(voltage_kv) * scattering_factor(element, beyond)  # nm
    # dσ = |f|² dΩ and dΩ = lambda² 2 pi g dg
    return float(wavelength_nm(voltage_kv) ** 2 * trapezoid(amplitude**2 * 2 * np.pi * beyond, beyond))


def _lorentz_factor(voltage_kv: float) -> float:
    return 1 + voltage_kv * 1e3 / _REST_ENERGY_EV
