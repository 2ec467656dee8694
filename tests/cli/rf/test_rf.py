"""`tem-rf rf` without a model."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tem_rf.cli.rf.commands import rf
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import TemRfError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rf, list(arguments), env={"COLUMNS": "200"})


def rows_of(result: Result) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    return {row[0]: row[1:] for row in cells}


def test_the_field_stands_beside_particle_and_lattice_spacing() -> None:
    result = run("n2-p88", "--pixel-size-nm", "0.02152", "--particle-nm", "5")
    rows = rows_of(result)
    assert rows["equation (1)"] == ["392", "8.436", "1.69", "35.8"]
    assert rows["exact, minimum"][:2] == ["356", "7.661"]
    assert rows["exact, maximum"][:2] == ["420", "9.038"]
    assert rows["reach, on one side"][:2] == ["227", "4.885"]
    assert rows["particle"] == ["232.3", "5", "1", "21.2"]
    assert rows["lattice spacing"][:2] == ["10.94", "0.2355"]
    assert rows["bottleneck_conv2"] == ["3", "1", "64", "16", "2352", "356", "7.66"]
    assert "8,074 parameters" in result.stdout
    assert "only the central 58 x 58 px" in result.stderr


def test_json_says_all_and_in_numbers() -> None:
    content = json.loads(run("n2-p22-d124-smooth", "--pixel-size-nm", "0.1", "--json").stdout)
    assert content["equation_size_nm"] == pytest.approx(content["equation_size_px"] * 0.1)
    assert sum(layer["parameters"] for layer in content["layers"]) == content["parameters"]
    assert 1 + sum(layer["growth_px"] for layer in content["layers"]) == content["equation_size_px"]


@pytest.mark.parametrize(
    ("arguments", "remark"),
    [
        (["n3-p888"], "is larger than the patch of 512 px: no pixel sees its whole field"),
        (["n3-p888"], "the layers see zeros in place of the micrograph"),
        (["n1-p2-instance"], "sees the whole image"),
        (["n1-p1-d44"], "holes"),
        (["n1-p3"], "no multiple of its stride of 3 px"),
    ],
)
def test_what_one_should_know_is_remarked_on_stderr(arguments: list[str], remark: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    assert remark in " ".join(result.stderr.split())
    assert remark not in result.stdout


def test_a_field_well_inside_the_patch_needs_no_remark() -> None:
    assert run("n2-p22").stderr == ""


def test_the_list_goes_into_a_spreadsheet() -> None:
    rows = list(csv.DictReader(io.StringIO(run("--list", "--depth", "2,3", "--max-px", "120", "--csv").stdout)))
    assert [row["name"] for row in rows] == ["n2-p22", "n2-p24", "n2-p28", "n2-p42", "n2-p44", "n3-p222"]
    assert rows[4]["reach_px"] == "67"


def test_the_list_has_a_row_per_architecture() -> None:
    assert len(json.loads(run("--list", "--json").stdout)["architectures"]) == 9 + 27 + 81
    rows = rows_of(run("--list", "--depth", "1", "--poolings", "2,16", "--parts", "average"))
    assert rows["n1-p2-average"][:4] == ["1,826", "18", "18", "9"]
    assert set(rows) == {"n1-p2-average", "n1-p16.-average"}


def test_match_names_the_nearest_field_of_each_depth() -> None:
    content = json.loads(run("--match", "2.6", "--pixel-size-nm", "0.02152", "--json").stdout)
    assert [each["name"] for each in content["architectures"]] == ["n2-p44", "n3-p224", "n4-p2222"]


def test_the_picture_shows_the_field_over_the_micrograph(tmp_path: Path) -> None:
    image = np.random.default_rng(0).normal(size=(300, 200)).astype(np.float32)
    write_tiff(tmp_path / "au.tif", image, pixel_size_nm=0.05)
    names = ("n2-p22", "n4-p2422-d11124-smooth", "n1-p2-instance")
    for name in names:
        picture = tmp_path / f"{name}.png"
        result = run(name, "--picture", str(picture), "--micrograph", str(tmp_path / "au.tif"), "--particle-nm", "5")
        assert result.exit_code == 0, result.exception
        orange = (np.abs(np.asarray(Image.open(picture).convert("RGB")).astype(int) - [230, 159, 0]) < 40).all(axis=-1)
        assert (orange.sum() > 500) == (name != "n1-p2-instance")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["n2-p888"], "depth 2 needs 2 pooling sizes, received 3"),
        (["unet"], "is no architecture"),
        (["n2-p22-k4"], "kernel_size: expected an odd"),
        (["n2-p20"], "at least 1"),
        (["--list", "--depth", "2,x"], "--depth: expected whole numbers"),
        (["--list", "--poolings", "0"], "at least 1"),
        (["--match", "2.6"], "needs --pixel-size-nm"),
        (["n2-p22", "--list"], "give one of an architecture"),
        (["--json"], "give one of an architecture"),
        (["--list", "--picture", "a.png"], "--picture: draws one architecture"),
        (["n2-p22", "--micrograph", "a.tif"], "--micrograph: it is drawn on by --picture"),
        (["n2-p22", "--micrograph", "absent.tif", "--picture", "a.png"], "absent.tif"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, TemRfError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
