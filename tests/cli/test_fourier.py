import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import typer
from typer.testing import CliRunner, Result

from tem_rf.cli.fourier import fourier
from tem_rf.data.tiff import write_tiff
from tests.helpers.fringes import image_with_fringes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image, mask = image_with_fringes((256, 256))
    write_tiff(tmp_path / "au.tif", image, pixel_size_nm=0.0214)  # 11 px are the 0.2355 nm of Au {111}
    write_tiff(tmp_path / "label.tif", mask)
    write_tiff(tmp_path / "speckle.tif", image_with_fringes((256, 256), amplitude=0)[0])
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(fourier)
    return CliRunner().invoke(app, [*arguments, "--output", str(folder / "out")])


def test_json_gives_band_threshold_fraction_and_dice(folder: Path) -> None:
    result = run(folder, str(folder / "au.tif"), "--label", str(folder / "label.tif"), "--json")
    (row,) = json.loads(result.stdout)["images"]

    assert row["hard_dice"] > 0.9
    assert row["inner_radius_px"] < 256 / 11 < row["outer_radius_px"]
    with tifffile.TiffFile(row["mask"]) as file:
        mask = file.asarray()
        assert file.imagej_metadata is not None
        assert file.imagej_metadata["unit"] == "nm"
    assert (mask > 0).mean() == pytest.approx(row["particle_fraction"])
    assert Path(row["picture"]).exists()


def test_given_band_and_spacing_agree(folder: Path) -> None:
    given = run(folder, str(folder / "au.tif"), "--band-px", "19.01", "27.52", "--json")
    spacing = run(folder, str(folder / "au.tif"), "--lattice-spacing-nm", "0.2355", "--json")

    assert json.loads(given.stdout) == json.loads(spacing.stdout)


def test_table_names_the_files(folder: Path) -> None:
    result = run(folder, str(folder / "au.tif"))

    assert str(folder / "out" / "au_mask.tif") in result.stdout
    assert "filtering" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["speckle.tif"], "no Bragg peaks found"),
        (["au.tif", "--band-px", "38", "19"], "smaller radius first"),
        (["au.tif", "--band-px", "19", "27", "--lattice-spacing-nm", "0.2355"], "one of them"),
        (["speckle.tif", "--lattice-spacing-nm", "0.2355"], "pixel size"),
        (["au.tif", "--label", "a.tif", "--label", "b.tif"], "received 2"),
        (["au.tif", "au.tif"], "same name"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(folder)
    result = run(folder, *arguments)

    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (folder / "out").exists()


def test_mask_of_the_command_is_that_of_the_library(folder: Path) -> None:
    from tem_rf.baselines.fourier import Band, fourier_filter

    run(folder, str(folder / "au.tif"), "--band-px", "19", "27", "--sigma-px", "4")
    expected = fourier_filter(tifffile.imread(folder / "au.tif"), Band(19, 27), 4).mask
    np.testing.assert_array_equal(tifffile.imread(folder / "out" / "au_mask.tif") > 0, expected)
