"""`tem-rf fourier`: segment micrographs by their lattice fringes, without a network."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table
from tem_rf.errors import NoBraggPeaksError, SettingsError

if TYPE_CHECKING:
    from tem_rf.baselines.fourier import Band


@dataclass(frozen=True)
class _Choices:
    """Settings given by the user; None means determined from the image."""

    band: "Band | None"
    lattice_spacing_nm: float | None
    pixel_size_nm: float | None
    sigma_px: float | None


def fourier(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Micrographs.")],
    band_px: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="INNER OUTER", help="Radii of the band in FFT px; default: found in each image."),
    ] = None,
    lattice_spacing_nm: Annotated[
        float | None, typer.Option(min=0.01, help="Centre the band on this spacing in nm; Au {111}: 0.2355.")
    ] = None,
    pixel_size_nm: Annotated[
        float | None, typer.Option(min=1e-6, help="Pixel size in nm; default: read from the file.")
    ] = None,
    sigma_px: Annotated[
        float | None, typer.Option(min=0, help="Sigma of the Gaussian blur in px; default: 0.82 fringe periods.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Output folder for masks and pictures.")] = Path("fourier"),
    label: Annotated[
        list[Path] | None, typer.Option(help="Label to score against; give one per image, in the same order.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Segment micrographs by their lattice fringes (Fourier filtering), the study's baseline.

    The band of the Fourier transform is found in the image unless the band or a lattice spacing is given.

    For each image, a mask (TIFF) and a picture of the transform, the band, the fringes and the mask are written.

    Example: tem-rf fourier au_17.tif --band-px 38 55 --sigma-px 9 --output fourier
    """
    if band_px is not None and lattice_spacing_nm is not None:
        raise SettingsError("--band-px and --lattice-spacing-nm: both set the band; give only one of them.")
    if label and len(label) != len(images):
        raise SettingsError(
            f"--label: expected one label for each of the {len(images)} images, received {len(label)}; "
            "repeat --label in the order of the images."
        )
    if len({path.stem for path in images}) < len(images):
        raise SettingsError(
            "IMAGE: two images have the same name, so their masks would overwrite each other; run them one by one."
        )

    from tem_rf.baselines.fourier import Band

    choices = _Choices(None if band_px is None else Band(*band_px), lattice_spacing_nm, pixel_size_nm, sigma_px)
    rows = []
    for index, path in enumerate(images):
        print_remark(f"{path}: filtering")
        rows.append(_segment(path, label[index] if label else None, choices, output))
    if as_json:
        print_json({"images": rows})
    else:
        _print(rows)


def _segment(path: Path, label_path: Path | None, choices: _Choices, output: Path) -> dict[str, Any]:
    from tem_rf.baselines.bragg import find_band
    from tem_rf.baselines.fourier import default_sigma_px, fourier_filter
    from tem_rf.data.labels import read_label
    from tem_rf.data.readers import read_micrograph
    from tem_rf.data.tiff import write_tiff
    from tem_rf.metrics.dice import hard_dice
    from tem_rf.plots.fourier import write_fourier_picture

    micrograph = read_micrograph(path, pixel_size_nm=choices.pixel_size_nm)
    pixels, pixel_size_nm = micrograph.pixels, micrograph.pixel_size_nm
    label = None if label_path is None else read_label(label_path, pixels.shape)
    try:
        band = choices.band or find_band(
            pixels, pixel_size_nm=pixel_size_nm, lattice_spacing_nm=choices.lattice_spacing_nm
        )
    except NoBraggPeaksError as error:
        raise NoBraggPeaksError(f"{path}: {error}") from error
    sigma_px = default_sigma_px(band, pixels.shape) if choices.sigma_px is None else choices.sigma_px
    result = fourier_filter(pixels, band, sigma_px)
    mask_path, picture_path = output / f"{path.stem}_mask.tif", output / f"{path.stem}_fourier.png"
    write_tiff(mask_path, result.mask, pixel_size_nm=pixel_size_nm)
    write_fourier_picture(picture_path, pixels, band, result, label, pixel_size_nm=pixel_size_nm)
    return {
        "image": str(path),
        "inner_radius_px": band.inner_radius_px,
        "outer_radius_px": band.outer_radius_px,
        "sigma_px": sigma_px,
        "threshold": result.threshold,
        "particle_fraction": float(result.mask.mean()),
        "hard_dice": None if label is None else float(hard_dice(result.mask, label)),
        "mask": str(mask_path),
        "picture": str(picture_path),
    }


def _print(rows: list[dict[str, Any]]) -> None:
    with_dice = any(row["hard_dice"] is not None for row in rows)
    columns = ["image", "band (px)", "sigma (px)", "threshold", "particles", *(["dice"] if with_dice else [])]
    table = [
        [
            Path(row["image"]).name,
            f"{row['inner_radius_px']:g}-{row['outer_radius_px']:g}",
            f"{row['sigma_px']:g}",
            f"{row['threshold']:.4g}",
            f"{row['particle_fraction']:.2%}",
            *([f"{row['hard_dice']:.3f}"] if with_dice else []),
        ]
        for row in rows
    ]
    print_table("Fourier filtering", columns, table)
    for row in rows:
        print(row["mask"], row["picture"], sep="\n")
