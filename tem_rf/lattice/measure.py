"""Measure the lattice of every particle of a micrograph."""

from dataclasses import dataclass

import numpy as np

from tem_rf.errors import DatasetError, SettingsError
from tem_rf.lattice.calibration import choose_scale
from tem_rf.lattice.domains import Domains, LatticeClass, find_domains
from tem_rf.lattice.fringes import Fringes, Spectrum, find_fringes, particle_spectrum
from tem_rf.lattice.indexing import ZoneMatch
from tem_rf.lattice.structure import MIN_SPACING_NM, Structure
from tem_rf.lattice.waves import local_wave, with_bend

_WIDER = 1.25  # than the widest spacing of the structure is searched, for an error of the pixel size
_MARGIN_SPACINGS = 2.0  # around a particle, so that averages have something to average
_PIXEL_FALSE_ALARM = 0.01  # of a pixel without fringes that counts as crystalline
_MAX_ZONES = 3
_MAX_SCALED = 48  # particles by which an error of the pixel size is found
_STRAIN = 0.003  # of a reciprocal vector that a fit cannot explain

_Place = tuple[slice, slice]


@dataclass(frozen=True)
class FringeSet:
    """One set of lattice fringes of a particle.

    Attributes:
        spacing_nm: Distance between fringes, by the pixel size of the micrograph [nm].
        spacing_sd_nm: Standard error [nm].
        direction_deg: Direction across the fringes, counterclockwise from x, from 0 to below 180 [degrees].
        direction_sd_deg: Standard error [degrees].
        signal: Power over that of the speckle at the same frequency.
        plane: Family of planes; None if none has this spacing.
        deviation: Spacing over that of the family, less 1; None without a family.
        crystal: Number of the crystal of the particle, from 1; None if it belongs to none.
    """

    spacing_nm: float
    spacing_sd_nm: float
    direction_deg: float
    direction_sd_deg: float
    signal: float
    plane: str | None
    deviation: float | None
    crystal: int | None


@dataclass(frozen=True)
class ParticleLattice:
    """The lattice of one particle.

    Attributes:
        number: Number of the particle.
        kind: single, twinned, poly or amorphous, as far as the fringes show.
        confidence: Between 0 and 1; about half where fringes of one direction, or of a part of the area, leave it open.
        crystallinity: Part of the area with fringes.
        zone_axes: Candidates, the best first; empty with fringes of one direction only.
        orientation_deg: Direction of `orientation_plane` in the first crystal, as `FringeSet.direction_deg`.
        orientation_plane: Family of planes; that with the fewest directions in the zone axis.
        orientation_period_deg: The orientation is known up to multiples of this [degrees].
        spacing_deviation: Mean spacing over that of the structure, less 1, fitted to all sets of the first crystal.
        sets: Sets of fringes: those of crystals first, the widest spacings first.
    """

    number: int
    kind: LatticeClass
    confidence: float
    crystallinity: float
    zone_axes: tuple[str, ...] = ()
    orientation_deg: float | None = None
    orientation_plane: str | None = None
    orientation_period_deg: float | None = None
    spacing_deviation: float | None = None
    sets: tuple[FringeSet, ...] = ()


@dataclass(frozen=True, eq=False)
class MeasuredLattices:
    """The lattices of a micrograph.

    Attributes:
        particles: One per particle, in the order of their numbers.
        orientation: (h, w) float32, orientation of the crystal at each pixel with fringes [degrees]; NaN elsewhere.
    """

    particles: tuple[ParticleLattice, ...]
    orientation: np.ndarray


def measure_lattices(
    numbers: np.ndarray, counts: np.ndarray, structure: Structure, *, pixel_size_nm: float | None
) -> MeasuredLattices:
    """Measure the lattice of every particle.

    Args:
        numbers: (h, w) int, number of the particle at each pixel, 0 on background.
        counts: (h, w) counts of the micrograph.
        structure: Structure of the particles, from `read_structure`.
        pixel_size_nm: Pixel size [nm].

    Raises:
        DatasetError: Numbers and counts differ in size.
        SettingsError: The pixel size is not known, or too coarse for the widest fringes of the structure.
    """
    if numbers.shape != counts.shape:
        raise DatasetError(
            f"particles and micrograph: expected the same size, received {_size(numbers)} and {_size(counts)}."
        )
    check_pixel_size(structure, pixel_size_nm)
    assert pixel_size_nm is not None
    places = _places(numbers, _widest_px(structure, pixel_size_nm))
    largest = sorted(places, key=lambda one: -_area(places[one]))[:_MAX_SCALED]
    scaled = (_piece(one, places[one], numbers, counts, structure, pixel_size_nm) for one in largest)
    scale = choose_scale([piece.vectors(pixel_size_nm) for piece in scaled], structure)
    orientation = np.full(numbers.shape, np.nan, np.float32)
    particles = []
    for number, place in places.items():  # one in memory, since a micrograph may have thousands
        piece = _piece(number, place, numbers, counts, structure, pixel_size_nm)
        lattice, own = _measure(piece, structure, pixel_size_nm, scale)
        particles.append(lattice)
        orientation[place][piece.mask] = own[piece.mask]
    return MeasuredLattices(tuple(particles), orientation)


def check_pixel_size(structure: Structure, pixel_size_nm: float | None) -> None:
    """Check that a micrograph can show the lattice.

    Raises:
        SettingsError: The pixel size is not known, or too coarse for the widest fringes of the structure.
    """
    widest = float(structure.spacings_nm.max())
    name = structure.crystal.material
    if pixel_size_nm is None:
        raise SettingsError(
            "`lattice`: expected a micrograph with a pixel size, received one without; give `pixel_size_nm`."
        )
    if widest < 2.3 * pixel_size_nm:
        raise SettingsError(
            f"`lattice`: {name} has fringes of at most {widest:.3g} nm, which pixels of {pixel_size_nm:.3g} nm cannot "
            f"show; expected pixels of at most {widest / 2.3:.2g} nm; leave `lattice` out for this micrograph."
        )


@dataclass(frozen=True, eq=False)
class _Piece:
    """A particle with its surroundings and its fringes."""

    mask: np.ndarray
    spectrum: Spectrum | None
    sets: tuple[Fringes, ...]
    number: int

    def vectors(self, pixel_size_nm: float) -> tuple[np.ndarray, np.ndarray]:
        """(sets, 2) reciprocal vectors [1/nm] and (sets,) signals."""
        vectors = np.array([one.frequency for one in self.sets]).reshape(-1, 2) * [1, -1] / pixel_size_nm
        return vectors, np.array([one.signal for one in self.sets])


def _places(numbers: np.ndarray, widest_px: float) -> dict[int, _Place]:
    """Place of each particle with a margin, by its number."""
    from scipy.ndimage import find_objects

    margin = round(_MARGIN_SPACINGS * widest_px)
    return {
        number: (
            slice(max(box[0].start - margin, 0), box[0].stop + margin),
            slice(max(box[1].start - margin, 0), box[1].stop + margin),
        )
        for number, box in enumerate(find_objects(numbers), start=1)
        if box is not None
    }


def _area(place: _Place) -> int:
    return (place[0].stop - place[0].start) * (place[1].stop - place[1].start)


def _widest_px(structure: Structure, pixel_size_nm: float) -> float:
    return _WIDER * float(structure.spacings_nm.max()) / pixel_size_nm


def _piece(
    number: int, place: _Place, numbers: np.ndarray, counts: np.ndarray, structure: Structure, pixel_size_nm: float
) -> _Piece:
    mask = numbers[place] == number
    spectrum = particle_spectrum(
        counts[place],
        mask,
        max_spacing_px=_widest_px(structure, pixel_size_nm),
        min_spacing_px=MIN_SPACING_NM / _WIDER / pixel_size_nm,
    )
    return _Piece(mask, spectrum, () if spectrum is None else find_fringes(spectrum), number)


def _measure(
    piece: _Piece, structure: Structure, pixel_size_nm: float, scale: float
) -> tuple[ParticleLattice, np.ndarray]:
    """The lattice of a particle, and (h, w) orientation at each pixel of its patch."""
    none = np.full(piece.mask.shape, np.nan, np.float32)
    if piece.spectrum is None:  # too small for three fringes
        return ParticleLattice(piece.number, "amorphous", 0.0, 0.0), none
    if not piece.sets:
        return ParticleLattice(piece.number, "amorphous", piece.spectrum.chance_of_speckle, 0.0), none
    strongest, sets = np.zeros(piece.mask.shape, np.float32), []
    for one in piece.sets:  # one wave in memory, since a particle may fill a micrograph
        wave = local_wave(piece.spectrum, one.frequency)
        np.maximum(strongest, np.abs(wave) ** 2, out=strongest)
        sets.append(with_bend(one, wave, piece.spectrum.window))
    has_fringes = piece.mask & (strongest > np.log(len(sets) / _PIXEL_FALSE_ALARM))
    crystallinity = np.count_nonzero(has_fringes) / np.count_nonzero(piece.mask)
    domains = find_domains(
        piece.spectrum,
        piece.sets,
        piece.mask,
        structure,
        unit_nm=pixel_size_nm / scale,
        bare_part=1 - crystallinity,
    )
    fit = _fit(domains, sets, pixel_size_nm)
    angle, family, period = _orientation(domains, sets, fit, structure)
    lattice = ParticleLattice(
        number=piece.number,
        kind=domains.kind,
        confidence=float(domains.confidence),
        crystallinity=crystallinity,
        zone_axes=tuple(match.zone.name for match in domains.matches[:_MAX_ZONES]),
        orientation_deg=angle,
        orientation_plane=None if family is None else structure.families[family].name,
        orientation_period_deg=period,
        spacing_deviation=None if fit is None else 1 / abs(fit.factor) - 1,
        sets=_described(sets, domains, structure, pixel_size_nm),
    )
    if angle is None:
        return lattice, none
    turned = [_mirrored(angle, mirror) % 180 for mirror in domains.mirrors]
    for number in range(len(turned)):
        leads = [one for one, own in zip(sets, domains.crystal, strict=True) if own == number]
        if number and leads and np.allclose(domains.mirrors[number], np.eye(2)):  # no twin: it has its own direction
            turned[number] = leads[0].angle_deg
    place = np.where(has_fringes & (domains.place < 0), 0, domains.place)
    return lattice, np.where(place >= 0, np.array(turned)[place], np.nan).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Fit:
    """The zone axis turned and scaled, without shear, to fit the sets of the first crystal.

    Attributes:
        match: The zone axis.
        factor: Complex factor from its plane, or from the plane seen from behind, to the image.
        is_behind: Whether it is seen from behind.
    """

    match: ZoneMatch
    factor: complex
    is_behind: bool

    def place(self, planes: np.ndarray) -> np.ndarray:
        """(n,) complex reciprocal vectors in the image of (n, 2) planes."""
        vectors = planes @ [1, 1j]
        return np.asarray(self.factor * (vectors.conj() if self.is_behind else vectors))


def _fit(domains: Domains, sets: list[Fringes], pixel_size_nm: float) -> _Fit | None:
    """Least squares over the sets, weighted by their covariance and the strain that is usual."""
    if not domains.matches:
        return None
    best = domains.matches[0]
    own = np.flatnonzero(domains.crystal == 0)
    measured = np.array([sets[one].frequency for one in own]) @ [1, -1j] / pixel_size_nm
    places = best.zone.planes @ best.matrix.T @ [1, 1j]
    planes = best.zone.planes[np.abs(measured[:, None] - places).argmin(axis=1)] @ [1, 1j]
    is_behind = bool(np.linalg.det(best.matrix) < 0)
    planes = planes.conj() if is_behind else planes
    variance = np.array([np.trace(sets[one].covariance) for one in own]) / pixel_size_nm**2
    weight = 1 / (variance + (_STRAIN * np.abs(planes)) ** 2)
    factor = (weight * planes.conj() * measured).sum() / (weight * np.abs(planes) ** 2).sum()
    return _Fit(best, complex(factor), is_behind)


def _orientation(
    domains: Domains, sets: list[Fringes], fit: _Fit | None, structure: Structure
) -> tuple[float | None, int | None, float | None]:
    """Angle, family and period of the family with the fewest directions in the first crystal, the widest of those."""
    if not (domains.crystal == 0).any():
        return None, None, None
    if fit is None:
        lead = int(np.flatnonzero(domains.crystal == 0)[0])
        return sets[lead].angle_deg, int(domains.family[lead]), 180.0
    zone = fit.match.zone
    directions = {
        int(family): len(np.unique(np.round(_angles(zone.planes[zone.family == family]) % 180, 3) % 180))
        for family in np.unique(zone.family)
    }
    family = min(directions, key=lambda one: (directions[one], one))
    period = 180.0 / directions[family]
    angle = np.angle(fit.place(zone.planes[zone.family == family][:1]), deg=True)[0]
    return float(angle % period), family, period


def _angles(vectors: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))


def _mirrored(angle_deg: float, mirror: np.ndarray) -> float:
    vector = mirror @ [np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))]
    return float(np.degrees(np.arctan2(vector[1], vector[0])))


def _described(
    sets: list[Fringes], domains: Domains, structure: Structure, pixel_size_nm: float
) -> tuple[FringeSet, ...]:
    described = []
    for one, family, crystal in zip(sets, domains.family, domains.crystal, strict=True):
        known = family >= 0 and crystal >= 0
        spacing = one.spacing_px * pixel_size_nm
        described.append(
            FringeSet(
                spacing_nm=spacing,
                spacing_sd_nm=one.spacing_sd_px * pixel_size_nm,
                direction_deg=one.angle_deg,
                direction_sd_deg=one.angle_sd_deg,
                signal=one.signal,
                plane=structure.families[family].name if known else None,
                deviation=spacing / structure.families[family].spacing_nm - 1 if known else None,
                crystal=int(crystal) + 1 if crystal >= 0 else None,
            )
        )
    return tuple(sorted(described, key=lambda one: (one.crystal or 99, -round(one.spacing_nm, 2), -one.signal)))


def _size(image: np.ndarray) -> str:
    return " x ".join(map(str, image.shape)) + " px"
