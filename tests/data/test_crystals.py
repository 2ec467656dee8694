"""Crystals by name and from CIF files, good, incomplete and hostile ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.simulation.crystals import MATERIALS, crystal, facet_normals, read_cif
from tem_rf.data.simulation.micrograph import simulate_micrograph
from tem_rf.errors import ReadError

CELL = """_cell_length_a 4.078
_cell_length_b 4.078
_cell_length_c 4.078
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
"""
ATOMS = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Au1 Au 0 0 0 1.0
"""


def write_cif(folder: Path, text: str) -> Any:
    path = folder / "structure.cif"
    path.write_text("data_structure\n" + text)
    return path


@pytest.mark.parametrize(
    ("material", "neighbour_nm", "atoms_per_nm3"),
    # Kittel, Introduction to Solid State Physics, tables 1.3 and 1.4; CdSe from its lattice constants.
    [("Au", 0.288, 59.0), ("Ag", 0.289, 58.5), ("Pt", 0.277, 66.2), ("Pd", 0.275, 68.0), ("Fe", 0.248, 85.0),
     ("Co", 0.250, 89.7), ("CdSe", 0.262, 35.6)],
)  # fmt: skip
def test_materials_have_the_bonds_and_density_of_the_literature(
    material: Any, neighbour_nm: Any, atoms_per_nm3: Any
) -> None:
    found = crystal(material)
    assert found.neighbour_nm == pytest.approx(neighbour_nm, rel=0.01)
    assert found.atoms_per_nm3 == pytest.approx(atoms_per_nm3, rel=0.01)


@pytest.mark.parametrize("material", MATERIALS)
def test_facets_close_a_particle_on_all_sides(material: Any) -> None:
    normals, distances = facet_normals(crystal(material))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    directions = np.random.default_rng(0).normal(size=(500, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    assert (directions @ normals.T).max(axis=1).min() > 0.4
    assert (distances > 0).all()


def test_a_cif_file_gives_the_crystal_that_the_name_does(tmp_path: Path) -> None:
    found, gold = read_cif(write_cif(tmp_path, CELL + ATOMS)), crystal("Au")
    assert found.atoms_per_nm3 == pytest.approx(gold.atoms_per_nm3)
    assert found.neighbour_nm == pytest.approx(gold.neighbour_nm)
    assert len(found.sites) == 4
    assert found.elements == gold.elements


def test_a_hexagonal_cif_keeps_its_angles(tmp_path: Path) -> None:
    text = """_cell_length_a 2.507
_cell_length_b 2.507
_cell_length_c 4.069
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_symmetry_space_group_name_H-M 'P 63/m m c'
""" + ATOMS.replace("Au1 Au 0 0 0 1.0", "Co1 Co 0.33333 0.66667 0.25 1.0")
    assert read_cif(write_cif(tmp_path, text)).atoms_per_nm3 == pytest.approx(crystal("Co").atoms_per_nm3, rel=1e-3)


def test_a_micrograph_of_a_cif_file_is_simulated(tmp_path: Path) -> None:
    path = write_cif(tmp_path, CELL + ATOMS)
    settings = simulation_settings(
        material=str(path), size_px=128, diameter_nm=1.5, particle_count=1, carbon_nm=1.0, defocus_nm=20.0
    )
    micrograph = simulate_micrograph(settings, seed=1)
    assert micrograph.particles[0].material == "structure"
    assert micrograph.mask.any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ATOMS, "has no unit cell"),
        (CELL.replace("_cell_length_b 4.078\n", "") + ATOMS, "has no unit cell"),
        (CELL.replace("4.078", "wide") + ATOMS, "has no unit cell"),
        (CELL.replace("4.078", "40780") + ATOMS, "has a cell of"),
        (CELL, "has no atoms"),
        (CELL + ATOMS.replace("1.0", "0.5"), "occupies its site to 0.5, expected 1"),
        (CELL + ATOMS.replace("Au1 Au", "Qq1 Qq"), "of no known element"),
        (CELL + ATOMS.replace("0 0 0", "? ? ?"), "has the coordinates nan, nan, nan, expected"),
        (CELL + ATOMS.replace("0 0 0", "1e300 0 0"), r"has the coordinates 1e\+300, 0, 0, expected"),
        (CELL.replace("alpha 90", "alpha 200") + ATOMS, "and 200, 90, 90 degrees, expected angles between 0 and 180"),
        (CELL.replace("alpha 90", "alpha 80") + ATOMS, "and 80, 90, 90 degrees that does not have the symmetry"),
        (
            CELL.replace("length_b 4.078", "length_b 4.2") + ATOMS,
            "nm and 90, 90, 90 degrees that does not have the symmetry",
        ),
        (CELL + ATOMS + "Au2 Au 0.01 0 0 1.0\n", "so it is disordered"),
        ("loop_\n_atom_site_label\n", "has no atoms"),
        ("_x\n;unclosed\n", "is no CIF"),
        (CELL.replace("alpha 90", "alpha 0.9").replace("F m -3 m", "P 1") + ATOMS, "so oblique that its planes are"),
        (CELL.replace("F m -3 m", "Q 5") + ATOMS, "space group Q 5, which is not known"),
        (CELL.replace("_space_group_name_H-M_alt 'F m -3 m'", "_space_group_IT_number 225") + ATOMS, "group 225"),
    ],
)
def test_an_incomplete_or_impossible_structure_is_refused_in_one_line(tmp_path: Path, text: str, message: Any) -> None:
    path = write_cif(tmp_path, text)
    with pytest.raises(ReadError, match=message) as caught:
        read_cif(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_directory_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "big.cif").write_bytes(b"#" * 3_000_000)
    (tmp_path / "folder.cif").mkdir()
    (tmp_path / "endless.cif").symlink_to("/dev/zero")
    messages = {"none": "cannot be read", "big": "3000000 bytes", "folder": "no regular", "endless": "no regular"}
    for name, message in messages.items():
        with pytest.raises(ReadError, match=message):
            read_cif(tmp_path / f"{name}.cif")


def test_a_cif_of_very_many_atoms_or_of_operations_that_would_run_code_does_no_harm(tmp_path: Path) -> None:
    many = "".join(f"Au{n} Au {n / 30011:.6f} {n / 1009 % 1:.6f} 0.5 1.0\n" for n in range(30_000))
    with pytest.raises(ReadError, match="atoms, expected"):
        read_cif(write_cif(tmp_path, CELL + ATOMS + many))
    code = f"__import__('pathlib').Path('{tmp_path}/ran').touch()"
    operations = f'loop_\n_space_group_symop_operation_xyz\n"{code},y,z"\n'
    text = CELL.replace("_space_group_name_H-M_alt 'F m -3 m'\n", operations) + ATOMS
    with pytest.raises(ReadError, match="for a symmetry operation, expected one such as"):
        read_cif(write_cif(tmp_path, text))
    assert not (tmp_path / "ran").exists()
