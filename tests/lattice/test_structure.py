"""Planes and zone axes of known structures."""

from pathlib import Path

import numpy as np
import pytest

from tem_rf.errors import ReadError, SettingsError
from tem_rf.lattice.structure import read_structure

GOLD_CIF = """data_gold
_cell_length_a 4.078
_cell_length_b 4.078
_cell_length_c 4.078
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Au1 Au 0 0 0
"""


def test_planes_of_face_centred_cubic_metals_have_all_odd_or_all_even_indices() -> None:
    names = [one.name for one in read_structure("Au").families]
    assert names == ["{111}", "{200}", "{220}", "{311}", "{222}", "{400}"]
    spacings = read_structure("Au").spacings_nm
    assert spacings == pytest.approx([0.4078 / np.sqrt(one) for one in (3, 4, 8, 11, 12, 16)])


@pytest.mark.parametrize(("material", "a"), [("Ag", 0.4086), ("Pt", 0.3924), ("Pd", 0.3890)])
def test_metals_differ_by_their_lattice_constant(material: str, a: float) -> None:
    assert read_structure(material).spacings_nm[0] == pytest.approx(a / np.sqrt(3))


def test_wurtzite_has_its_three_wide_planes_and_no_odd_basal_plane() -> None:
    families = read_structure("CdSe").families
    a, c = 0.4299, 0.7010
    wide = [(one.name, one.spacing_nm) for one in families[:3]]
    assert [name for name, _ in wide] == ["(100)", "(002)", "(101)"]
    expected = [a * np.sqrt(3) / 2, c / 2, 1 / np.sqrt(4 / (3 * a**2) + 1 / c**2)]
    assert [spacing for _, spacing in wide] == pytest.approx(expected)
    assert "(001)" not in [one.name for one in families]


def test_the_110_zone_holds_two_111_planes_at_70_degrees() -> None:
    structure = read_structure("au")
    zone = next(one for one in structure.zones if one.name == "<110>")
    planes = zone.planes[zone.family == 0]
    cosines = planes @ planes[0] / np.linalg.norm(planes[0]) ** 2
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    assert sorted(angles) == pytest.approx([0, 70.53, 109.47, 180], abs=0.01)


def test_the_basis_of_a_zone_spans_all_of_its_planes() -> None:
    for material in ("Au", "Fe", "CdSe", "PbS"):
        for zone in read_structure(material).zones:
            coordinates = zone.planes @ np.linalg.inv(zone.basis)
            assert coordinates == pytest.approx(np.rint(coordinates), abs=1e-6), (material, zone.name)


def test_a_cif_file_gives_the_planes_of_the_same_metal_by_name(tmp_path: Path) -> None:
    path = tmp_path / "gold.cif"
    path.write_text(GOLD_CIF)
    from_file, by_name = read_structure(str(path)), read_structure("AU")
    assert [one.name for one in from_file.families] == [one.name for one in by_name.families]
    assert from_file.spacings_nm == pytest.approx(by_name.spacings_nm)
    assert from_file.twin_planes == by_name.twin_planes == "{111}"


@pytest.mark.parametrize("lattice", ["gold", "", "au.txt"])
def test_no_material_is_one_line(lattice: str) -> None:
    with pytest.raises(
        SettingsError, match=r"`lattice`: expected one of Au, Ag, .* or the path of a .cif file"
    ) as error:
        read_structure(lattice)
    assert "\n" not in str(error.value)


def test_a_cif_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "no.cif").write_text("not a cif")
    with pytest.raises(ReadError, match=r"no\.cif"):
        read_structure(str(tmp_path / "no.cif"))
    with pytest.raises(ReadError, match=r"missing\.cif"):
        read_structure(str(tmp_path / "missing.cif"))
