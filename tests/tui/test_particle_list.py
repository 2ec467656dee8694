"""The list of particles shows the confidence and the lattice where they were measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tem_rf.lattice.measure import FringeSet, ParticleLattice
from tem_rf.lattice.table import add_to_particles
from tem_rf.particles.measure import measure_particles
from tem_rf.particles.table import write_particles
from tem_rf_tui.particles import list_particles
from tests.helpers.discs import discs


def test_columns_of_the_lattice_appear_if_it_was_measured(tmp_path: Path) -> None:
    numbers = discs((60, 90), (30, 20, 9)) + 2 * discs((60, 90), (30, 60, 9)).astype(int)
    path = tmp_path / "particles.csv"
    write_particles(path, [(1, measure_particles(np.asarray(numbers)))], pixel_size_nm=0.02)
    before = list_particles(path, 0.02)
    assert "lattice" not in before.columns
    fringes = FringeSet(0.2354, 0.001, 12.0, 0.3, 90.0, "{111}", 0.0, 1)
    twinned = ParticleLattice(2, "twinned", 0.9, 1.0, ("<110>",), 12.0, "{111}", 180.0, 0.0, (fringes,))
    add_to_particles(path, [(1, (ParticleLattice(1, "amorphous", 1.0, 0.0), twinned))])
    after = list_particles(path, 0.02)
    assert after.columns == (*before.columns, "lattice", "zone axis", "plane", "spacing nm", "orientation °")
    assert [row[len(before.columns) :] for row in after.rows] == [
        ("amorphous", "", "", "", ""),
        ("twinned", "<110>", "{111}", "0.2354", "12"),
    ]


def test_the_confidence_appears_if_the_table_has_it(tmp_path: Path) -> None:
    (one,) = measure_particles(discs((60, 60), (30, 30, 9)).astype(int))
    for name, confidence in (("new", 0.874), ("old", None)):
        write_particles(tmp_path / f"{name}.csv", [(1, [replace(one, confidence=confidence)])])
    new, old = (list_particles(tmp_path / f"{name}.csv", None) for name in ("new", "old"))
    assert new.columns == (*old.columns, "confidence")
    assert new.rows[0] == (*old.rows[0], "0.87")
