"""Read the results of `segment` in a folder as one experiment."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tem_rf.config.experiment import EdgeRule
from tem_rf.data.readers import parsing
from tem_rf.errors import ReadError
from tem_rf.experiment.edges import edge_weights
from tem_rf.experiment.images import Experiment, SampledImage
from tem_rf.files import no_folder
from tem_rf.inference.results import SegmentedFile, read_finished
from tem_rf.lattice.table import read_lattice_values
from tem_rf.particles.formats.tables import MeasuredImage
from tem_rf.particles.table import read_particles

_ENDING = "_segmented.json"


def read_experiment(folder: Path, edges: EdgeRule, *, every_frame: bool = False) -> Experiment:
    """Read a folder written by `segment`.

    Args:
        folder: The folder.
        edges: Rule for particles cut by the edge of the image.
        every_frame: Take every frame of a stack as an image of its own; otherwise only the first one, since the frames
            of a movie show the same particles.

    Raises:
        ReadError: The folder has no results, a file cannot be read, or only some images have a pixel size.
    """
    if not folder.is_dir():
        raise ReadError(no_folder(folder, "a folder with results, the `output` of segment"))
    finished = [read_finished(path) for path in sorted(folder.glob(f"*{_ENDING}"))]
    if not finished:
        raise ReadError(f"{folder}: contains no results of segment (NAME{_ENDING}); segment micrographs into it first.")
    without = [one.image.name for one in finished if one.pixel_size_nm is None]
    if without and len(without) < len(finished):
        raise ReadError(
            f"{folder}: {without[0]} has no pixel size, but others have; segment it again with `pixel_size_nm`, so "
            "that all diameters are in nm."
        )
    images: list[SampledImage] = []
    measured: list[MeasuredImage] = []
    for one in finished:
        table = folder / f"{one.image.stem}_particles.csv"
        frames = read_particles(table, one.frames)
        stack = _instances(folder / f"{one.image.stem}_instances.tif", one)
        used = range(one.frames if every_frame else 1)
        scale = one.pixel_size_nm or 1.0
        for index in used:
            cut = np.array([particle.touches_border for particle in frames[index]], bool)
            images.append(
                SampledImage(
                    name=one.image.name if one.frames == 1 else f"{one.image.name} #{index + 1}",
                    diameters=np.array([particle.diameter_px for particle in frames[index]]) * scale,
                    weights=edge_weights(stack[index], cut, edges),
                    cut=cut,
                    area=stack[index].size * scale**2,
                )
            )
        shape = stack.shape[1:]
        measured.append(
            MeasuredImage(
                one.image.name,
                frames[: len(used)],
                one.pixel_size_nm,
                (shape[0], shape[1]),
                one.left_out,
                read_lattice_values(table),
            )
        )
    return Experiment(
        folder=folder,
        unit="px" if without else "nm",
        images=tuple(images),
        measured=tuple(measured),
        notes=_notes(finished, every_frame),
        maps=finished[0].maps,
    )


def _notes(finished: Sequence[SegmentedFile], every_frame: bool) -> tuple[str, ...]:
    stacks = sum(one.frames > 1 for one in finished)
    if not stacks or every_frame:
        return ()
    return (
        f"of {stacks} stack{'s' if stacks > 1 else ''} only the first frame was used, since the frames of a movie show "
        "the same particles; if they are different places, add `every_frame`",
    )


def _instances(path: Path, segmented: SegmentedFile) -> np.ndarray:
    """(frames, h, w) instances, memory-mapped."""
    import tifffile

    if not path.is_file():
        raise ReadError(f"{path}: is missing; segment the file again.")
    with parsing(path, [], failure=ReadError, advice="segment the file again"):
        stack = tifffile.memmap(path, mode="r")
    frames: np.ndarray = stack.reshape(-1, *stack.shape[-2:])
    if len(frames) != segmented.frames:
        raise ReadError(f"{path}: has {len(frames)} frames, expected {segmented.frames}; segment the file again.")
    return frames
