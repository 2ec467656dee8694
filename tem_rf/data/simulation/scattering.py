"""How electrons scatter from atoms: wavelength, interaction constant, scattering factors."""

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np

from tem_rf.errors import SettingsError

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


# B at 293 K [Å²]; of metals after Peng, Ren, Dudarev and Whelan 1996, Acta Cryst. A52, 456-470. That of carbon stands
# for zero-point and thermal motion of the film, whose disorder is in its structure.
_DEBYE_WALLER = {"C": 0.5, "Au": 0.62, "Ag": 0.71, "Pt": 0.37, "Pd": 0.44, "Cu": 0.56, "Ni": 0.37, "Fe": 0.33}
_DEBYE_WALLER |= {"Al": 0.83, "Rh": 0.34, "Cd": 1.1, "Se": 0.9}
_USUAL_DEBYE_WALLER = 0.6


@lru_cache(maxsize=128)
def element(symbol: str, debye_waller: float | None = None) -> Element:
    """An element by its symbol.

    Args:
        symbol: Such as Au.
        debye_waller: B in place of the usual one [Å²].

    Raises:
        SettingsError: No scattering factor is known for it.
    """
    found = _table().get(symbol)
    if found is None:
        raise SettingsError(f"element: expected one from H to Lr, received {symbol!r}.")
    usual = _DEBYE_WALLER.get(symbol, _USUAL_DEBYE_WALLER)
    return Element(symbol, tuple(found[0]), tuple(found[1]), usual if debye_waller is None else debye_waller)


@lru_cache(maxsize=1)
def _table() -> dict[str, list[list[float]]]:
    text = files("tem_rf.data.simulation").joinpath("scattering_factors.json").read_text(encoding="utf-8")
    table: dict[str, list[list[float]]] = json.loads(text)["elements"]
    return table


CARBON = element("C")
GOLD = element("Au")


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


@lru_cache(maxsize=128)
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
