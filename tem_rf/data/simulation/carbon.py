"""Amorphous carbon, atom by atom."""

from functools import lru_cache

import numpy as np

DENSITY_PER_NM3 = 100.3  # 2.0 g/cm³, as evaporated films have
NEIGHBOUR_NM = 0.135  # no two atoms come closer; bonds in amorphous carbon are 0.14 nm long


@lru_cache(maxsize=4)
def carbon_sheet(period_nm: float, thickness_nm: float, seed: int) -> np.ndarray:
    """Fill a sheet with carbon at random, no two atoms closer than a bond.

    Atoms are put in at random, and those that come too close to an earlier one are left out; with twice as many
    drawn as are missing, a handful of rounds does, since the packing of 0.13 lies far below the 0.38 where random
    insertion stops.

    Args:
        period_nm: Side of the sheet, which repeats along x and y [nm].
        thickness_nm: Thickness [nm].
        seed: Seed of the positions.

    Returns:
        (n, 3) positions x, y in [0, period), z in [0, thickness) [nm]; read-only, since it is kept for the next call.
    """
    from scipy.spatial import KDTree

    rng = np.random.default_rng(seed)
    size = np.array([period_nm, period_nm, thickness_nm])
    count = round(DENSITY_PER_NM3 * period_nm**2 * thickness_nm)
    atoms = np.empty((0, 3))
    while len(atoms) < count:
        drawn = rng.random((2 * (count - len(atoms)), 3)) * size
        if len(atoms):
            nearest, _ = KDTree(atoms, boxsize=size).query(drawn, distance_upper_bound=NEIGHBOUR_NM)
            drawn = drawn[np.isinf(nearest)]  # infinite: nothing within the bound
        # The box repeats along z too: a sheet may lie on another of its kind.
        pairs = KDTree(drawn, boxsize=size).query_pairs(NEIGHBOUR_NM, output_type="ndarray")
        drawn = np.delete(drawn, pairs.max(axis=1), axis=0) if len(pairs) else drawn
        atoms = np.concatenate([atoms, drawn])[:count]
    atoms.flags.writeable = False
    return atoms
