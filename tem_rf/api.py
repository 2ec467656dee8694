"""The main job in Python: a function per command, which takes names, presets and paths as the command does.

All of them are imported from `tem_rf`. From nothing to a segmented micrograph, tiny:

>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> from tem_rf import Architecture, evaluate, export, prepare, receptive_field, segment, simulate, train
>>> temporary = TemporaryDirectory()
>>> folder = Path(temporary.name)

Micrographs with their masks, and a dataset of 64 px patches of them:

>>> images = simulate("au-5nm", folder / "micrographs", count=4, size_px=256, seed=1, workers=1)
>>> [image.name for image in images][:2]
['simulated_0000.tif', 'simulated_0001.tif']
>>> dataset = prepare(folder / "micrographs", folder / "dataset", patch_size=64, background_threshold=20)
>>> dataset.images.shape[1:], dataset.labels.dtype.name, round(dataset.manifest.pixel_size_nm, 5)
((64, 64), 'uint8', 0.02152)

A network whose receptive field fits in a patch, trained:

>>> receptive_field("n2-p22").equation_size_px
44
>>> run = train(folder / "dataset", "n2-p22", epochs=1, batch_size=8, name="tiny", runs=folder / "runs")
>>> run.config.architecture == Architecture((2, 2))
True

Its scores on the test patches, beside methods without a network:

>>> [row.method for row in evaluate(run)]
['n2-p22', 'Fourier filtering', 'brightness threshold']

Packaged for others, and used on a whole micrograph:

>>> export(run, folder / "model").test.images > 0
True
>>> segmented, = segment(images[0], folder / "model", folder / "segmented")
>>> segmented.files["mask"].name, segmented.frames
('simulated_0000_mask.tif', 1)
>>> temporary.cleanup()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tem_rf.architecture import Architecture
from tem_rf.architecture.receptive_field import ReceptiveField
from tem_rf.config.augmentation import NO_AUGMENTATION, AugmentationSettings
from tem_rf.config.training import DEFAULT_RECIPE, STUDY_SEEDS, training_settings
from tem_rf.runs.extension import is_complete, open_or_extend
from tem_rf.runs.folder import RunFolder, default_name
from tem_rf.runs.root import DEFAULT_ROOT, find_run, find_runs_of_one_dataset
from tem_rf.saved_models import MODELS, models_or_shipped

if TYPE_CHECKING:
    from tem_rf.data.prepared import PreparedDataset, Split
    from tem_rf.evaluation.trials import Row
    from tem_rf.inference.card import ModelCard
    from tem_rf.inference.results import SegmentedFile
    from tem_rf.runs.events import Listener

__all__ = ["evaluate", "export", "prepare", "receptive_field", "segment", "simulate", "train"]

PathLike = str | Path
Progress = Callable[[int, int], None]  # done, of how many


def simulate(
    preset: str = "au-5nm",
    output: PathLike | None = None,
    *,
    count: int = 20,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
    **settings: Any,
) -> list[Path]:
    """Simulate micrographs of gold nanoparticles on carbon, with the exact mask of each.

    Args:
        preset: What to simulate: au-2.2nm, au-5nm, au-10nm or au-20nm-lowres.
        output: Folder, see `simulate_micrographs`; None: simulated/PRESET.
        count: Number of micrographs; those that stand in the folder are reused.
        seed: Seed of everything random.
        workers: Processes; None: one per core, for which a script needs `if __name__ == "__main__":`.
        progress: Called with the micrographs done and wanted.
        settings: Changes of the preset: fields of `SimulationSettings`, such as size_px or defocus_nm="10:60".

    Returns:
        The image files, in order; the label of images/NAME.tif is labels/NAME.tif.

    Raises:
        SettingsError: An unknown preset or setting, or a value out of range.
        DatasetError: The folder holds something else.
        StorageError: The disk is full or the place cannot be written to.
    """
    from tem_rf.config.simulation import simulation_settings
    from tem_rf.data.simulation.simulate import simulate_micrographs

    return simulate_micrographs(
        simulation_settings(preset, **settings),
        Path(output or Path("simulated") / preset),
        count=count,
        seed=seed,
        workers=workers,
        progress=progress,
    )


def prepare(
    micrographs: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    labels: PathLike | None = None,
    preset: str | None = None,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
    **settings: Any,
) -> PreparedDataset:
    """Cut labelled micrographs into a dataset of patches, divided into training, validation and test.

    Args:
        micrographs: Folder of micrographs, or of images/ and labels/ (or masks/); or several of them.
        output: Dataset folder; one that stands is taken as it is if the same would be written.
        labels: Folder of labels, paired by the stem of the names.
        preset: Name of a published set, to prepare as its study did.
        overwrite: Replace a dataset that stands there.
        progress: Called with the files done and the number of files.
        settings: Fields of `PreparationSettings`, such as patch_size [px] or pixel_size_nm [nm].

    Returns:
        The dataset: images (n, patch_size, patch_size) float32 and labels (n, patch_size, patch_size) uint8 from disk.

    Raises:
        SettingsError: An unknown preset or setting, or one that does not suit the micrographs.
        ReadError: A file cannot be read.
        DatasetError: Files do not pair or fit, or the output is another dataset.
        StorageError: The output cannot be written.
    """
    from tem_rf.config.preparation import preparation_settings
    from tem_rf.data.preparation.prepare import prepare_dataset
    from tem_rf.data.preparation.presets import preset_changes

    return prepare_dataset(
        _paths(micrographs),
        Path(output),
        labels=None if labels is None else Path(labels),
        settings=preparation_settings(**((preset_changes(preset) if preset else {}) | settings)),
        overwrite=overwrite,
        progress=progress,
    )


def receptive_field(architecture: Architecture | str) -> ReceptiveField:
    """What an output pixel of a network depends on, exactly and by equation (1).

    Args:
        architecture: The architecture, or its name.

    Returns:
        Its sizes and its reach [px].

    Raises:
        ArchitectureError: The name means no architecture.

    >>> field = receptive_field("n2-p88")
    >>> field.equation_size_px, field.size_px.mean, field.reach_px
    (392, 392.0, 227)
    """
    return _architecture(architecture).receptive_field


def train(
    dataset: PathLike,
    network: Architecture | str = "n2-p44",
    *,
    seed: int = STUDY_SEEDS[0],
    recipe: str = DEFAULT_RECIPE,
    augmentation: AugmentationSettings = NO_AUGMENTATION,
    name: str | None = None,
    runs: PathLike = DEFAULT_ROOT,
    listener: Listener | None = None,
    **settings: Any,
) -> RunFolder:
    """Train a network on a prepared dataset, or go on where the same call stopped; more epochs extend the run.

    Args:
        dataset: Dataset folder.
        network: The architecture, or its name.
        seed: Seed of the weights and of the order of the patches.
        recipe: Name of a set of settings.
        augmentation: How patches are changed at random.
        name: Name of the run; None: dataset-network-recipe-seed.
        runs: Folder of the runs.
        listener: Called with every event: epochs, samples, notices.
        settings: Changes of the recipe: fields of `TrainingSettings`, such as epochs or learning_rate.

    Returns:
        The run, finished unless it was asked to stop.

    Raises:
        SettingsError: An unknown recipe or setting, or a value out of range.
        ArchitectureError: The name means no architecture.
        DatasetError: The dataset cannot be used, or does not fit the architecture.
        RunError: The folder holds another run, or another process trains it.
        TrainingError: The loss became NaN.
        StorageError: The run cannot be written.
    """
    from tem_rf.runs.dataset import configure_run
    from tem_rf.training.train import train as train_run

    changed = training_settings(recipe, **settings)
    config = configure_run(Path(dataset), _architecture(network), changed, seed, augmentation)
    run = open_or_extend(Path(runs) / (name or default_name(config)), config)
    if not is_complete(run):
        train_run(run, listener=listener)
    return run


def evaluate(
    run: RunFolder | PathLike | Sequence[RunFolder | PathLike],
    *,
    runs: PathLike = DEFAULT_ROOT,
    split: Split = "test",
    baseline: bool = True,
    lattice_spacing_nm: float | None = None,
    transforms: int = 1,
    pictures: PathLike | None = None,
) -> list[Row]:
    """Score runs on the images they never saw: mean ± sd over seeds, beside methods without a network.

    Args:
        run: Runs on one dataset, by name, by folder or as `train` returns them; the scores of each image go to
            scores.csv in the run.
        runs: Folder of the runs.
        split: Which images.
        baseline: Also segment by Fourier filtering and by a threshold.
        lattice_spacing_nm: For Fourier filtering [nm]; None: found in the images.
        transforms: 8 scores each image in its eight turns and mirrors, as the study does.
        pictures: Folder for overlays of the images.

    Returns:
        A row per trial (runs that differ in nothing but their seed), then a row per method without a network.

    Raises:
        RunError: No run is given, there is no such run, or the runs are of different datasets.
        DatasetError: The dataset is gone or another one, or has no such images.
        ModelError: A run has not finished an epoch.
    """
    from tem_rf.evaluation.scoring import score_runs
    from tem_rf.runs.dataset import open_training_data

    several = [run] if isinstance(run, RunFolder | str | Path) else run
    folders = find_runs_of_one_dataset([_name(one) for one in several], Path(runs))
    return score_runs(
        folders,
        open_training_data(folders[0].config),
        split=split,
        transforms=transforms,
        pictures=None if pictures is None else Path(pictures),
        baseline=baseline,
        lattice_spacing_nm=lattice_spacing_nm,
    )


def segment(
    images: PathLike | Sequence[PathLike],
    model: RunFolder | PathLike | Sequence[RunFolder | PathLike] = (),
    output: PathLike = "segmented",
    *,
    models: PathLike = MODELS,
    labels: PathLike | None = None,
    rescale: bool = False,
    overwrite: bool = False,
    runs: PathLike = DEFAULT_ROOT,
    **settings: Any,
) -> list[SegmentedFile]:
    """Segment micrographs, stacks and movies of any size: masks, overlays, tables of particles.

    Args:
        images: Files, or folders of them.
        model: Exported models or runs; several are averaged; none: chosen by pixel size.
        output: Folder for the results; files that are finished are not segmented twice.
        models: Folder of the models to choose from.
        labels: Folder of labels, or a COCO file, to score masks and particles.
        rescale: Bring micrographs to the pixel size the network was trained at.
        overwrite: Segment again what stands in the output from the same model and settings.
        runs: Folder of the runs.
        settings: Fields of `SegmentSettings`, such as split_touching or min_diameter_nm [nm].

    Returns:
        What became of each file, in order.

    Raises:
        ReadError: A file cannot be read, a folder holds none, or the labels fit none.
        SettingsError: Two files have one name, an unknown setting, one out of range, or one that does not suit a file.
        ModelError: There is no such model, or none fits.
        StorageError: The disk is full or the place cannot be written to.
    """
    from tem_rf.inference.file import segment_settings
    from tem_rf.inference.job import SegmentJob, files_to_segment, segment_files
    from tem_rf.inference.model_choice import NetworkChoice, Networks, model_folder

    named = [model] if isinstance(model, RunFolder | str | Path) else model
    choice = NetworkChoice(
        tuple(model_folder(_name(one), Path(runs), Path(models)) for one in named),
        models_or_shipped(Path(models)),
        rescale,
    )
    job = SegmentJob(Path(output), segment_settings(**settings), overwrite=overwrite)
    files = files_to_segment(_paths(images), job, None if labels is None else Path(labels))
    return [segmented for segmented, _ in segment_files(files, Networks(choice), job)]


def export(
    run: RunFolder | PathLike,
    output: PathLike | None = None,
    *,
    formats: str = "savedmodel",
    authors: Sequence[str] = (),
    license_id: str | None = None,
    overwrite: bool = False,
    runs: PathLike = DEFAULT_ROOT,
) -> ModelCard:
    """Export the best network of a run, with model.json, which says what each format takes and gives.

    Args:
        run: The run, by name, by folder or as `train` returns it.
        output: Folder to write; None: saved_models/NAME of the run.
        formats: What to write, with commas: savedmodel (always written), keras, onnx, litert, bioimageio.
        authors: Who made the model; none: as in the export before.
        license_id: SPDX name of its license; None: as in the export before, or BSD-3-Clause.
        overwrite: Replace whatever stands there.
        runs: Folder of the runs.

    Returns:
        What is known about the model: the content of model.json.

    Raises:
        RunError: There is no such run.
        SettingsError: A name means no format.
        ModelError: The run has not finished an epoch, the folder holds something else, or packages are absent.
        StorageError: The disk is full or the place cannot be written to.
    """
    from tem_rf.exporting.card_notes import CardNotes
    from tem_rf.exporting.export import export_over
    from tem_rf.exporting.formats import formats_named

    folder = find_run(_name(run), Path(runs))
    return export_over(
        folder,
        Path(output or MODELS / folder.name),
        formats_named(formats),
        notes=CardNotes(authors=tuple(authors), license=license_id),
        overwrite=overwrite,
    )


def _architecture(architecture: Architecture | str) -> Architecture:
    return Architecture.from_name(architecture) if isinstance(architecture, str) else architecture


def _paths(paths: PathLike | Sequence[PathLike]) -> list[Path]:
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def _name(run: RunFolder | PathLike) -> str:
    return str(run.path if isinstance(run, RunFolder) else run)
