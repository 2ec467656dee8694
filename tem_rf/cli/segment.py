"""`tem-rf segment`: masks and particles of whole micrographs, stacks and movies."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.status import Status

from tem_rf.cli.backend import import_keras
from tem_rf.cli.export import MODELS
from tem_rf.cli.output import JsonFlag, print_json, progress_console
from tem_rf.cli.segment_text import print_segmented, segmented_json
from tem_rf.errors import ModelError, ReadError, SettingsError
from tem_rf.runs.root import DEFAULT_ROOT

if TYPE_CHECKING:
    from tem_rf.inference.results import SegmentedFile
    from tem_rf.inference.segmenter import Segmenter

SHIPPED_MODELS = Path(__file__).parents[2] / MODELS


def segment(
    images: Annotated[list[Path], typer.Argument(help="Micrographs, stacks, movies, or folders of them.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Exported model, or name or folder of a run; several are averaged; default: chosen by pixel size."
        ),
    ] = None,
    models: Annotated[
        Path, typer.Option(help="Folder of the models to choose from; where it is absent, those that ship.")
    ] = MODELS,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("segmented"),
    pixel_size_nm: Annotated[
        float | None, typer.Option(help="Side of a pixel, in place of what the files say.")
    ] = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Resample micrographs whose pixels are not square.")
    ] = False,
    rescale: Annotated[
        bool, typer.Option("--rescale", help="Bring micrographs to the pixel size the model was trained at.")
    ] = False,
    test_time: Annotated[
        int, typer.Option(min=1, max=8, help="Turned and mirrored views to average over, 8 for all.")
    ] = 1,
    split_touching: Annotated[
        bool, typer.Option("--split-touching", help="Take touching particles apart at their necks.")
    ] = False,
    min_diameter_nm: Annotated[
        float | None,
        typer.Option(
            min=0, help="Leave out what is smaller than a disc of this diameter; default: 0.5 nm, at least 8 px."
        ),
    ] = None,
    min_diameter_px: Annotated[float | None, typer.Option(min=0, help="The same in px.")] = None,
    track: Annotated[
        bool, typer.Option("--track", help="Follow the particles of a movie from frame to frame.")
    ] = False,
    max_step_nm: Annotated[
        float | None, typer.Option(min=0, help="With --track: farthest a particle moves between frames.")
    ] = None,
    max_step_px: Annotated[float | None, typer.Option(min=0, help="The same in px.")] = None,
    memory: Annotated[int, typer.Option(min=0, help="With --track: frames a particle may be out of sight.")] = 0,
    frame_interval_s: Annotated[
        float | None, typer.Option(min=0, help="With --track: time between frames, for a column and an axis.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Folder of labels, or a COCO file: score masks and particles.")
    ] = None,
    probability: Annotated[
        bool, typer.Option("--probability", help="Also write the probability, and how far averaged ones disagree.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Segment again what stands in the output from the same model and settings."),
    ] = False,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    as_json: JsonFlag = False,
) -> None:
    """Segment micrographs of any size: mask as TIFF with pixel size, overlay, table and histogram of the particles.

    A stack is read frame by frame; a job that was killed goes on at its next frame when it is started again, and
    files that are finished are not segmented twice. With --track a movie gets the paths of its particles, too.

    Example: tem-rf segment micrographs/new --model saved_models/au-5nm --output segmented --split-touching

    Example: tem-rf segment movie.tif --track --max-step-nm 2
    """
    paths = list(_files(images))
    _refuse_equal_stems(paths)
    truths = _labels(paths, labels)
    named = tuple(_model_folder(one, runs) for one in model or [])
    console = progress_console()
    import_keras()
    from tem_rf.inference.choice import choose_model
    from tem_rf.inference.segment_file import SegmentSettings, segment_file
    from tem_rf.inference.track_file import TrackedFile, TrackSettings, check_movie, track_file
    from tem_rf.inference.tracks import import_trackpy

    following = TrackSettings(max_step_px, max_step_nm, memory, frame_interval_s) if track else None
    if following:
        import_trackpy()
        for path in paths:
            check_movie(path, following, pixel_size_nm)
    elif memory or not all(value is None for value in (max_step_px, max_step_nm, frame_interval_s)):
        raise SettingsError("--max-step-nm, --max-step-px, --memory, --frame-interval-s: say how to --track; add it.")
    if models == MODELS and not models.exists():
        models = SHIPPED_MODELS
    loaded: dict[tuple[Path, ...], list[Segmenter]] = {}
    settings = SegmentSettings(
        test_time, split_touching, probability, pixel_size_nm, resample, min_diameter_px, min_diameter_nm
    )
    results: list[tuple[SegmentedFile, TrackedFile | None]] = []
    for number, path in enumerate(paths, start=1):
        folders = named or (choose_model(path, models, pixel_size_nm=pixel_size_nm, rescale=rescale),)
        if folders not in loaded:
            with console.status(f"loading {', '.join(folder.name for folder in folders)}"):
                loaded[folders] = [_load(folder, rescale=rescale) for folder in folders]
        if not named:
            trained_nm = loaded[folders][0].pixel_size_nm
            console.print(f"{path.name}: takes {folders[0]}, trained at {trained_nm:g} nm/px", highlight=False)
        title = f"segmenting {path.name} ({number} of {len(paths)})"
        with console.status(title) as status:

            def show(done: int, count: int, status: Status = status, title: str = title) -> None:
                status.update(f"{title}: {done} of {count} frames" if count > 1 else title)

            result = segment_file(
                loaded[folders], path, output, settings, label=truths.get(path), overwrite=overwrite, on_frame=show
            )
        for note in result.notes:
            console.print(note, highlight=False, markup=False)
        results.append((result, track_file(result, output, following) if following else None))
    names = dict.fromkeys(one.name for segmenters in loaded.values() for one in segmenters)
    if as_json:
        print_json([segmented_json(*result) for result in results])
    else:
        print_segmented(f"Segmented by {' and '.join(names)} into {output}", results)


def _load(folder: Path, *, rescale: bool) -> "Segmenter":
    from dataclasses import replace

    from tem_rf.inference.segmenter import load_segmenter

    segmenter = load_segmenter(folder)
    if not rescale or segmenter.preprocessing.target_pixel_size_nm is not None:
        return segmenter
    if segmenter.pixel_size_nm is None:
        raise SettingsError(
            f"--rescale: {segmenter.name} was trained on micrographs without a pixel size; leave it out."
        )
    update = {"target_pixel_size_nm": segmenter.pixel_size_nm}
    return replace(segmenter, preprocessing=segmenter.preprocessing.model_copy(update=update))


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


def _refuse_equal_stems(paths: list[Path]) -> None:
    """Results are named after the stem of their file."""
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            raise SettingsError(
                f"{path}: has the same name as {other}, so that its results would take the place of the others; "
                "segment one of them into another --output."
            )


def _labels(paths: list[Path], labels: Path | None) -> dict[Path, Path]:
    """Labels by micrograph; at least one must have its label."""
    if labels is None:
        return {}
    from tem_rf.data.pairing import pair_labels

    pairs = {
        pair.image.resolve(): pair.label
        for folder in {path.parent for path in paths}
        for pair in pair_labels(folder, labels).pairs
    }
    found = {path: pairs[path.resolve()] for path in paths if path.resolve() in pairs}
    if not found:
        raise ReadError(f"{labels}: labels none of the micrographs; expected a file of the stem of {paths[0].name}.")
    return found
