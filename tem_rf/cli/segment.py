"""`tem-rf segment`: masks of whole micrographs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tem_rf.cli.backend import import_keras
from tem_rf.cli.output import JsonFlag, print_json, print_table, progress_console
from tem_rf.errors import ModelError, ReadError
from tem_rf.runs.root import DEFAULT_ROOT


def segment(
    images: Annotated[list[Path], typer.Argument(help="Micrographs, or folders of them.")],
    model: Annotated[str, typer.Option(help="Exported model, or name or folder of a run.")],
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("segmented"),
    pixel_size_nm: Annotated[
        float | None, typer.Option(help="Side of a pixel, in place of what the files say.")
    ] = None,
    probability: Annotated[bool, typer.Option("--probability", help="Also write the probability as TIFF.")] = False,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    as_json: JsonFlag = False,
) -> None:
    """Segment micrographs of any size: mask as TIFF with pixel size, overlay as PNG.

    Example: tem-rf segment micrographs/new --model saved_models/au-5nm --output segmented
    """
    paths = list(_files(images))
    console = progress_console()
    import_keras()
    with console.status(f"loading {model}"):
        from tem_rf.inference.segmenter import load_segmenter

        segmenter = load_segmenter(_model_folder(model, runs))

    from tem_rf.data.readers import read_micrograph
    from tem_rf.data.tiff import write_tiff
    from tem_rf.evaluation.pictures import write_overlay
    from tem_rf.inference.segment import segment_micrograph

    results: list[dict[str, Any]] = []
    for number, path in enumerate(paths, start=1):
        with console.status(f"segmenting {path.name} ({number} of {len(paths)})"):
            micrograph = read_micrograph(path, pixel_size_nm=pixel_size_nm)
            result = segment_micrograph(segmenter, micrograph)
            mask_file, overlay_file = output / f"{path.stem}_mask.tif", output / f"{path.stem}_overlay.png"
            write_tiff(mask_file, result.mask, pixel_size_nm=result.pixel_size_nm)
            write_overlay(overlay_file, micrograph.pixels, result.mask, pixel_size_nm=result.pixel_size_nm)
            if probability:
                write_tiff(
                    output / f"{path.stem}_probability.tif", result.probability, pixel_size_nm=result.pixel_size_nm
                )
        for note in result.notes:
            console.print(note, highlight=False)
        results.append(
            {
                "image": str(path),
                "mask": str(mask_file),
                "overlay": str(overlay_file),
                "particle_fraction": float(result.mask.mean()),
                "pixel_size_nm": result.pixel_size_nm,
                "notes": list(result.notes),
            }
        )
    if as_json:
        print_json(results)
    else:
        rows = [[row["image"], f"{row['particle_fraction']:.1%}", row["mask"], row["overlay"]] for row in results]
        print_table(f"Segmented by {segmenter.name}", ["image", "particle", "mask", "overlay"], rows)


def _model_folder(model: str, runs: Path) -> Path:
    for path in (Path(model), runs / model):
        if path.is_dir():
            return path
    raise ModelError(f"{model}: no such model or run; expected a folder, or the name of a run in {runs}.")


def _files(paths: list[Path]) -> Iterator[Path]:
    from tem_rf.data.readers import MICROGRAPH_SUFFIXES

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in MICROGRAPH_SUFFIXES)
        if not inside:
            raise ReadError(
                f"{path}: no micrographs; expected files ending in {' '.join(sorted(MICROGRAPH_SUFFIXES))}."
            )
        yield from inside
