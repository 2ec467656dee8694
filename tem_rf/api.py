"""The jobs in Python: a function per command, which takes names, presets and paths as the command does.

Written by tools/write_api.py from the requests of `tem_rf.jobs`; edit tools/api.py.j2 instead.

All of them are imported from `tem_rf`. From nothing to a segmented micrograph, tiny:

>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> from tem_rf import Architecture, evaluate, export, prepare, receptive_field, segment, simulate, train
>>> temporary = TemporaryDirectory()
>>> folder = Path(temporary.name)

Micrographs with their masks, and a dataset of 64 px patches of them:

>>> images = simulate("au-5nm", folder / "micrographs", count=4, size_px=256, seed=1)
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

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tem_rf.architecture import Architecture, ReceptiveField
from tem_rf.config.marks import UNSET, Unset
from tem_rf.runs.folder import RunFolder

if TYPE_CHECKING:
    from tem_rf.data.prepared import PreparedDataset
    from tem_rf.evaluation.trials import Row
    from tem_rf.inference.card import ModelCard
    from tem_rf.inference.results import SegmentedFile
    from tem_rf.runs.events import Listener
    from tem_rf.study.folder import StudyFolder

__all__ = [
    "evaluate",
    "export",
    "import_network",
    "prepare",
    "receptive_field",
    "run_study",
    "segment",
    "simulate",
    "train",
]

PathLike = str | Path
Progress = Callable[[int, int], None]  # done, of how many


def receptive_field(architecture: Architecture | str) -> ReceptiveField:
    """What an output pixel of a network depends on, exactly and by equation (1).

    Args:
        architecture: The architecture, or its name.

    Returns:
        Its sizes and its reach [px].

    Raises:
        ArchitectureError: There is no architecture of this name.

    >>> field = receptive_field("n2-p88")
    >>> field.equation_size_px, field.size_px.mean, field.reach_px
    (392, 392.0, 227)
    """
    found = Architecture.from_name(architecture) if isinstance(architecture, str) else architecture
    return found.receptive_field


def simulate(
    preset: str = "au-5nm",
    output: PathLike | None = None,
    *,
    count: int = 20,
    seed: int = 0,
    workers: int | None = None,
    size_px: int | Unset = UNSET,
    pixel_size_nm: float | Unset = UNSET,
    material: str | Unset = UNSET,
    diameter_nm: float | Unset = UNSET,
    diameter_spread: float | Unset = UNSET,
    small_particles: float | Unset = UNSET,
    coverage: float | Unset = UNSET,
    particle_count: int | Unset | None = UNSET,
    minimum_gap_nm: float | Unset = UNSET,
    touching: float | Unset = UNSET,
    below: float | Unset = UNSET,
    sinking: float | Unset = UNSET,
    defects: float | Unset = UNSET,
    irregularity: float | Unset = UNSET,
    strain: float | Unset = UNSET,
    surface_disorder: float | Unset = UNSET,
    rims: float | Unset = UNSET,
    carbon_nm: tuple[float, float] | float | str | Unset = UNSET,
    film_variation: float | Unset = UNSET,
    voltage_kv: float | Unset = UNSET,
    defocus_nm: tuple[float, float] | float | str | Unset = UNSET,
    defocus_sign: Literal["both", "under", "over"] | Unset = UNSET,
    cs_um: tuple[float, float] | float | str | Unset = UNSET,
    focal_spread_nm: tuple[float, float] | float | str | Unset = UNSET,
    convergence_mrad: float | Unset = UNSET,
    acceptance_mrad: float | Unset = UNSET,
    objective_aperture_mrad: float | Unset | None = UNSET,
    diffraction_contrast: float | Unset = UNSET,
    image_spread_nm: tuple[float, float] | float | str | Unset = UNSET,
    drift_nm: tuple[float, float] | float | str | Unset = UNSET,
    illumination_variation: tuple[float, float] | float | str | Unset = UNSET,
    slice_thickness_nm: float | Unset = UNSET,
    dose_e_per_angstrom2: float | Unset = UNSET,
    camera: Literal["scintillator", "direct"] | Unset = UNSET,
    detector_blur_px: float | Unset = UNSET,
    detector_halo: float | Unset = UNSET,
    quantum_efficiency: float | Unset = UNSET,
    frames: int | Unset = UNSET,
    counts_per_electron: float | Unset = UNSET,
    offset_counts: float | Unset = UNSET,
    read_noise_counts: float | Unset = UNSET,
    gain_error: float | Unset = UNSET,
    dead_pixels_per_megapixel: float | Unset = UNSET,
    hot_pixels_per_megapixel: float | Unset = UNSET,
    xray_spikes_per_megapixel: float | Unset = UNSET,
    progress: Progress = lambda done, total: None,
) -> list[Path]:
    """Simulate micrographs of nanoparticles on carbon, with the exact mask of each.

    Args:
        preset: What to simulate.
        output: Folder to write; default: simulated/PRESET.
        count: Number of micrographs; existing ones are reused.
        seed: Random seed.
        workers: Number of processes; default: one per core.
        size_px: Height and width of a micrograph [px].
        pixel_size_nm: Side of a pixel [nm].
        material: Au, Ag, Pt, Pd, CdSe and others by name, or the path of a .cif file.
        diameter_nm: Mean diameter of the particles [nm].
        diameter_spread: Relative standard deviation of the diameter.
        small_particles: Part of the particles that are small: 0.3 to 0.7 of the diameter.
        coverage: Part of the field that particles cover.
        particle_count: Particles per micrograph, in place of coverage.
        minimum_gap_nm: Least gap between particles in projection [nm]; below zero they may overlap.
        touching: Part of the particles that touch, have grown together or overlap with another.
        below: Part of the particles that lie below the film.
        sinking: How deep particles sink into the film, in diameters, at most.
        defects: Part of the particles that are no single crystals.
        irregularity: How far outlines are elongated, dented and flattened, relative to the radius.
        strain: Standard deviation of the strain, with a bend to match.
        surface_disorder: Displacement of surface atoms, in units of 0.03 nm rms.
        rims: Part of the particles with a rim of ligands or contamination.
        carbon_nm: Thickness of the amorphous carbon film [nm].
        film_variation: Relative standard deviation of the film's thickness within a field.
        voltage_kv: Accelerating voltage [kV].
        defocus_nm: Distance from focus [nm].
        defocus_sign: Side of focus.
        cs_um: Spherical aberration [µm].
        focal_spread_nm: Standard deviation of focus: temporal coherence [nm].
        convergence_mrad: Standard deviation of the illumination angle [mrad].
        acceptance_mrad: Scattering angle beyond which electrons are lost, without an aperture [mrad].
        objective_aperture_mrad: Half angle of the objective aperture, which makes more amplitude contrast [mrad].
        diffraction_contrast: Relative spread, by orientation, of what particles scatter out of the image.
        image_spread_nm: Standard deviation of vibration and noise fields [nm].
        drift_nm: Drift of the specimen during the exposure [nm].
        illumination_variation: Change of the illumination across the field, relative.
        slice_thickness_nm: Thickness of a multislice slice [nm].
        dose_e_per_angstrom2: Electrons per Å².
        camera: Scintillator: noise is blurred with the signal; direct: electrons are counted.
        detector_blur_px: Standard deviation of the detector's blur [px].
        detector_halo: Part of the signal that the detector spreads five times as far.
        quantum_efficiency: Detective quantum efficiency at low frequencies, which costs dose.
        frames: Frames that are averaged, each read out by itself.
        counts_per_electron: Gain of the camera.
        offset_counts: Dark level of the camera.
        read_noise_counts: Standard deviation of the readout noise.
        gain_error: Relative standard deviation of what the gain correction leaves, by pixel.
        dead_pixels_per_megapixel: Pixels without signal, per million.
        hot_pixels_per_megapixel: Pixels of a high dark level, per million.
        xray_spikes_per_megapixel: Pixels hit by x-rays, per million.
        progress: Called with the number of micrographs done and requested.

    Returns:
        The image files, in order; the label of images/NAME.tif is labels/NAME.tif.

    Raises:
        SettingsError: An unknown preset or setting, or a value out of range.
        DatasetError: The folder contains something else.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.jobs.simulate import SimulateRequest
    from tem_rf.jobs.simulate import simulate as run_job

    return run_job(
        SimulateRequest.build(
            preset=preset,
            output=output,
            count=count,
            seed=seed,
            workers=workers,
            size_px=size_px,
            pixel_size_nm=pixel_size_nm,
            material=material,
            diameter_nm=diameter_nm,
            diameter_spread=diameter_spread,
            small_particles=small_particles,
            coverage=coverage,
            particle_count=particle_count,
            minimum_gap_nm=minimum_gap_nm,
            touching=touching,
            below=below,
            sinking=sinking,
            defects=defects,
            irregularity=irregularity,
            strain=strain,
            surface_disorder=surface_disorder,
            rims=rims,
            carbon_nm=carbon_nm,
            film_variation=film_variation,
            voltage_kv=voltage_kv,
            defocus_nm=defocus_nm,
            defocus_sign=defocus_sign,
            cs_um=cs_um,
            focal_spread_nm=focal_spread_nm,
            convergence_mrad=convergence_mrad,
            acceptance_mrad=acceptance_mrad,
            objective_aperture_mrad=objective_aperture_mrad,
            diffraction_contrast=diffraction_contrast,
            image_spread_nm=image_spread_nm,
            drift_nm=drift_nm,
            illumination_variation=illumination_variation,
            slice_thickness_nm=slice_thickness_nm,
            dose_e_per_angstrom2=dose_e_per_angstrom2,
            camera=camera,
            detector_blur_px=detector_blur_px,
            detector_halo=detector_halo,
            quantum_efficiency=quantum_efficiency,
            frames=frames,
            counts_per_electron=counts_per_electron,
            offset_counts=offset_counts,
            read_noise_counts=read_noise_counts,
            gain_error=gain_error,
            dead_pixels_per_megapixel=dead_pixels_per_megapixel,
            hot_pixels_per_megapixel=hot_pixels_per_megapixel,
            xray_spikes_per_megapixel=xray_spikes_per_megapixel,
        ),
        progress=progress,
    )


def prepare(
    micrographs: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    labels: PathLike | None = None,
    preset: str | None = None,
    array: str | Unset | None = UNSET,
    channel: int | Unset | None = UNSET,
    label_array: str | Unset | None = UNSET,
    particle: str | Unset | None = UNSET,
    background: str | Unset | None = UNSET,
    not_sure: str | Unset | None = UNSET,
    pair: str | Unset | None = UNSET,
    empty_is_background: bool | Unset = UNSET,
    xray_threshold: float | Unset | None = UNSET,
    flat_field_px: float | Unset | None = UNSET,
    target_pixel_size_nm: float | Unset | None = UNSET,
    normalization: Literal["standard", "percentile", "min-max"] | Unset = UNSET,
    patch_size: int | Unset = UNSET,
    pixel_size_nm: float | Unset | None = UNSET,
    resample: bool | Unset = UNSET,
    background_threshold: int | Unset = UNSET,
    split: Literal["micrograph", "study"] | Unset = UNSET,
    seed: int | Unset = UNSET,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> PreparedDataset:
    """Cut labelled micrographs into a dataset of patches, divided into training, validation and test.

    Args:
        micrographs: Folder of micrographs, or of images/ and labels/ (or masks/); or several folders.
        output: Dataset folder to write.
        labels: Folder of labels, paired by file name; default: labels/ or masks/ beside the micrographs.
        preset: Prepare a published set as its study did.
        array: Name or path of the array to read if micrograph files hold several (HDF5, NPZ, TIFF).
        channel: Channel of the micrograph files to read, from 1; None: the first, with a note.
        label_array: Same as `array`, for label files.
        particle: Label values, colours (#ff0000, red), classes or channels that are particle, separated by commas.
        background: Same for background; all others are particle.
        not_sure: Same for pixels that are neither; patches that contain them are dropped, scores ignore them.
        pair: Pattern of label file names, such as {name}_drawn_*.png; {name} is the name of the micrograph.
        empty_is_background: Use micrographs with an empty label as background examples; otherwise they are rejected.
        xray_threshold: Counts above the median that make a pixel an x-ray outlier; 0: outliers are kept.
        flat_field_px: Width of the Gaussian used to estimate uneven illumination, which is divided out [px].
        target_pixel_size_nm: Pixel size to which micrographs are rescaled [nm]; None: no rescaling.
        normalization: standard: mean 0, sd 1; percentile: 1 % at 0, 99 % at 1; min-max: from 0 to 1.
        patch_size: Patch size [px].
        pixel_size_nm: Pixel size [nm], which overrides the one in the files; None: from the files.
        resample: Resample micrographs whose pixels are not square; otherwise they are rejected.
        background_threshold: Patches with no more particle pixels than this are dropped.
        split: micrograph: whole micrographs, balanced by particle fraction; study: patches, in file order.
        seed: Seed of the assignment of micrographs to splits.
        overwrite: Overwrite an existing dataset.
        progress: Called with the number of files done and found.

    Returns:
        The dataset: images (n, patch_size, patch_size) float32 and labels (n, patch_size, patch_size) uint8 from disk.

    Raises:
        SettingsError: An unknown preset or setting, or one that does not suit the micrographs.
        ReadError: A file cannot be read.
        DatasetError: Files do not pair or fit, or the output is another dataset.
        StorageError: The output cannot be written.
    """
    from tem_rf.jobs.prepare import PrepareRequest
    from tem_rf.jobs.prepare import prepare as run_job

    return run_job(
        PrepareRequest.build(
            micrographs=_several(micrographs),
            output=output,
            labels=labels,
            preset=preset,
            array=array,
            channel=channel,
            label_array=label_array,
            particle=particle,
            background=background,
            not_sure=not_sure,
            pair=pair,
            empty_is_background=empty_is_background,
            xray_threshold=xray_threshold,
            flat_field_px=flat_field_px,
            target_pixel_size_nm=target_pixel_size_nm,
            normalization=normalization,
            patch_size=patch_size,
            pixel_size_nm=pixel_size_nm,
            resample=resample,
            background_threshold=background_threshold,
            split=split,
            seed=seed,
            overwrite=overwrite,
        ),
        progress=progress,
    )


def train(
    dataset: PathLike,
    network: Architecture | str = "n2-p44",
    *,
    seed: int = 752,
    recipe: str = "best",
    epochs: int | Unset = UNSET,
    batch_size: int | Unset = UNSET,
    learning_rate: float | Unset = UNSET,
    learning_rate_schedule: Literal["constant", "cosine"] | Unset = UNSET,
    loss: Literal["cross_entropy", "cross_entropy_dice", "focal"] | Unset = UNSET,
    weight_averaging: float | Unset | None = UNSET,
    early_stopping_patience: int | Unset | None = UNSET,
    precision: Literal["float32", "mixed_bfloat16"] | Unset = UNSET,
    blur_px: float = 0,
    dose_fraction: float = 1,
    counts_per_electron: float | None = None,
    noise_sd: float = 0,
    gain: float = 0,
    offset: float = 0,
    name: str | None = None,
    runs: PathLike = "runs",
    tensorboard: bool = False,
    evaluate: bool = False,
    listener: Listener | None = None,
) -> RunFolder:
    """Train a network on a prepared dataset, or resume where the same call stopped; more epochs extend the run.

    Args:
        dataset: Prepared dataset folder.
        network: The architecture, or its name.
        seed: Seed of the weights and of the order of the patches.
        recipe: Recipe, from which the settings below are taken unless given.
        epochs: Passes over the training patches and their eight transforms.
        batch_size: Patches per optimizer step.
        learning_rate: Learning rate of Adam.
        learning_rate_schedule: constant; cosine: warm-up over the first 5 % of the steps, then cosine decay to 0.
        loss: Loss function: cross_entropy, cross_entropy_dice (plus 1 - soft dice), focal.
        weight_averaging: Momentum per step of the averaged weights, which are validated and saved.
        early_stopping_patience: Epochs without an improved validation hard dice before training stops.
        precision: Arithmetic precision of the layers.
        blur_px: Maximum width of a Gaussian blur (defocus, drift) [px].
        dose_fraction: Minimum fraction of the dose; Poisson noise is added to match the lower exposure.
        counts_per_electron: Gain of the camera, for dose_fraction; none: from the dataset, or estimated from the noise.
        noise_sd: Maximum Gaussian noise, in standard deviations of the micrograph.
        gain: Maximum relative change of the contrast, up or down.
        offset: Maximum brightness offset, in standard deviations of the micrograph.
        name: Name of the run; default: dataset-network-recipe-seed.
        runs: Folder of the runs.
        tensorboard: Also write the epochs to RUN/tensorboard, from now on.
        evaluate: Score the test images after the last epoch, into RUN/scores.csv.
        listener: Called with every event: epochs, samples, notices.

    Returns:
        The run, finished unless it was asked to stop.

    Raises:
        SettingsError: An unknown recipe or setting, or a value out of range.
        ArchitectureError: There is no architecture of this name.
        DatasetError: The dataset cannot be used, or does not fit the architecture.
        RunError: The folder contains another run, or another process is training it.
        TrainingError: The loss became NaN.
        StorageError: The run cannot be written.
    """
    from tem_rf.jobs.train import TrainRequest, train_one

    name_of = network.name if isinstance(network, Architecture) else network
    return train_one(
        TrainRequest.build(
            dataset=dataset,
            network=name_of,
            seed=seed,
            recipe=recipe,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_schedule=learning_rate_schedule,
            loss=loss,
            weight_averaging=weight_averaging,
            early_stopping_patience=early_stopping_patience,
            precision=precision,
            blur_px=blur_px,
            dose_fraction=dose_fraction,
            counts_per_electron=counts_per_electron,
            noise_sd=noise_sd,
            gain=gain,
            offset=offset,
            name=name,
            runs=runs,
            tensorboard=tensorboard,
            evaluate=evaluate,
        ),
        listener=listener,
    )


def evaluate(
    run: RunFolder | PathLike | Sequence[RunFolder | PathLike],
    *,
    runs: PathLike = "runs",
    split: Literal["train", "validation", "test"] = "test",
    baseline: bool = True,
    lattice_spacing_nm: float | None = None,
    transforms: int = 1,
    pictures: PathLike | None = None,
) -> list[Row]:
    """Score runs on images that they have not seen: mean ± sd over seeds, beside methods without a network.

    Args:
        run: Runs on one dataset, by name, by folder or as `train` returns them; the scores of each image are written to
            scores.csv in the run.
        runs: Folder of the runs.
        split: Which images to score.
        baseline: Also segment without a network: Fourier filtering, threshold.
        lattice_spacing_nm: Lattice spacing for Fourier filtering [nm]; default: found in the images.
        transforms: 8: score each image in its eight rotations and reflections, as the study does.
        pictures: Folder for overlays of the images: outline, false negatives, false positives.

    Returns:
        A row per trial (runs that differ only in their seed), then a row per method without a network.

    Raises:
        RunError: No run is given, there is no such run, or the runs are of different datasets.
        DatasetError: The dataset is gone or has changed, or has no such images.
        ModelError: A run has not finished an epoch.
    """
    from tem_rf.jobs.evaluate import EvaluateRequest
    from tem_rf.jobs.evaluate import evaluate as run_job

    return run_job(
        EvaluateRequest.build(
            run=_names(run),
            runs=runs,
            split=split,
            baseline=baseline,
            lattice_spacing_nm=lattice_spacing_nm,
            transforms=transforms,
            pictures=pictures,
        )
    )[1]


def segment(
    images: PathLike | Sequence[PathLike],
    model: RunFolder | PathLike | Sequence[RunFolder | PathLike] = (),
    output: PathLike = "segmented",
    *,
    models: PathLike = "saved_models",
    rescale: bool = False,
    array: str | None = None,
    channel: int | None = None,
    label_array: str | None = None,
    particle: str | None = None,
    background: str | None = None,
    not_sure: str | None = None,
    pair: str | None = None,
    empty_is_background: bool = False,
    transforms: int = 1,
    split_touching: bool = False,
    min_diameter_nm: float | None = None,
    min_diameter_px: float | None = None,
    pixel_size_nm: float | None = None,
    resample: bool = False,
    probability: bool = False,
    track: bool = False,
    max_step_nm: float | None = None,
    max_step_px: float | None = None,
    memory: int = 0,
    frame_interval_s: float | None = None,
    labels: PathLike | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    scheduler_file: PathLike | None = None,
    slurm: Mapping[str, str | int | float | bool | Sequence[str]] | None = None,
    runs: PathLike = "runs",
    on_note: Callable[[str], None] = lambda note: None,
) -> list[SegmentedFile]:
    """Segment micrographs, stacks and movies of any size: masks, overlays, tables of particles.

    Args:
        images: Micrographs, stacks, movies, or folders of them.
        model: Exported model, or name or folder of a run; several are averaged; default: chosen by pixel size.
        output: Folder for the results.
        models: Folder of the models to choose from; if it does not exist, those that ship.
        rescale: Rescale micrographs to the pixel size that the model was trained at.
        array: Name or path of the array to read if micrograph files hold several (HDF5, NPZ, TIFF).
        channel: Channel of the micrograph files to read, from 1; None: the first, with a note.
        label_array: Same as `array`, for label files.
        particle: Label values, colours (#ff0000, red), classes or channels that are particle, separated by commas.
        background: Same for background; all others are particle.
        not_sure: Same for pixels that are neither; patches that contain them are dropped, scores ignore them.
        pair: Pattern of label file names, such as {name}_drawn_*.png; {name} is the name of the micrograph.
        empty_is_background: Use micrographs with an empty label as background examples; otherwise they are rejected.
        transforms: Rotated and mirrored views to average over, 8 for all.
        split_touching: Split touching particles at their necks.
        min_diameter_nm: Minimum diameter of a particle [nm]; default: 0.5 nm and at least 8 px.
        min_diameter_px: Minimum diameter of a particle [px].
        pixel_size_nm: Pixel size [nm], which overrides the one in the files.
        resample: Resample micrographs whose pixels are not square; otherwise they are rejected.
        probability: Also write the probability and, if several views or models are averaged, their disagreement.
        track: Track the particles of a movie from frame to frame.
        max_step_nm: Maximum distance that a particle moves between frames [nm].
        max_step_px: Maximum distance that a particle moves between frames [px].
        memory: Number of frames for which a particle may be lost.
        frame_interval_s: Time between frames [s]; default: from the file, if it has it.
        labels: Folder of labels, or a COCO file, to score masks and particles.
        overwrite: Segment again what is already in the output folder.
        workers: Trainings at once; without it, one per GPU, or one on the CPU.
        scheduler: Address of a running Dask scheduler to use.
        scheduler_file: File in which a running Dask scheduler left its address.
        slurm: Start the workers as SLURM jobs, with these options of dask_jobqueue.SLURMCluster.
        runs: Folder of the runs.
        on_note: Called with what you should know about a file, and with why one could not be segmented.

    Returns:
        The results of each file, in order; a file that cannot be segmented keeps no other from being segmented.

    Raises:
        ReadError: The only file, or all of them, cannot be read, a folder contains none, or the labels fit none.
        SettingsError: Two files have one name, an unknown setting, one out of range, or one that does not suit a file.
        ModelError: There is no such model, or none fits.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.jobs.segment import SegmentRequest
    from tem_rf.jobs.segment import segment as run_job

    request = SegmentRequest.build(
        images=_several(images),
        model=_names(model),
        models=models,
        output=output,
        rescale=rescale,
        array=array,
        channel=channel,
        label_array=label_array,
        particle=particle,
        background=background,
        not_sure=not_sure,
        pair=pair,
        empty_is_background=empty_is_background,
        transforms=transforms,
        split_touching=split_touching,
        min_diameter_nm=min_diameter_nm,
        min_diameter_px=min_diameter_px,
        pixel_size_nm=pixel_size_nm,
        resample=resample,
        probability=probability,
        track=track,
        max_step_nm=max_step_nm,
        max_step_px=max_step_px,
        memory=memory,
        frame_interval_s=frame_interval_s,
        labels=labels,
        overwrite=overwrite,
        workers=workers,
        scheduler=scheduler,
        scheduler_file=scheduler_file,
        slurm=slurm,
        runs=runs,
    )
    outcome = run_job(request, on_note=on_note)
    if outcome.failed and not outcome.segmented:
        raise outcome.failed[0][1]
    return [segmented for segmented, _ in outcome.segmented]


def export(
    run: RunFolder | PathLike | Sequence[RunFolder | PathLike],
    output: PathLike | None = None,
    *,
    formats: Sequence[str] | str = ("savedmodel",),
    check: bool = False,
    authors: Sequence[str] = (),
    license_id: str | None = None,
    held_out: Sequence[str] = (),
    purpose: str | None = None,
    limits: Sequence[str] = (),
    made_by: str | None = None,
    runs: PathLike = "runs",
    overwrite: bool = False,
) -> ModelCard:
    """Export the best network of a run, with model.json, which says what each format takes and gives.

    Args:
        run: The run, by name, by folder or as `train` returns it; of several seeds, the one with the best validation
            score is exported.
        output: Folder to write; default: saved_models/NAME of the run.
        formats: Formats, separated by commas: savedmodel, keras, onnx, litert, bioimageio. The SavedModel, which tem-rf
            reads, is always written.
        check: Run every format in its own runtime and compare it with the run; write only what is missing.
        authors: Who made the model, for the card and bioimage.io; may be repeated.
        license_id: SPDX name of the license of the model; default: as before, or BSD-3-Clause.
        held_out: NAME=FOLDER of labelled micrographs to score the network on, for the card; may be repeated.
        purpose: What the model is for, for the card.
        limits: What the model was not made for, for the card; may be repeated.
        made_by: The command that made it, for the card.
        runs: Folder of the runs.
        overwrite: Overwrite an existing model.

    Returns:
        What is known about the model: the content of model.json.

    Raises:
        RunError: There is no such run.
        SettingsError: A format is not known.
        ModelError: The run has not finished an epoch, the folder contains something else, or packages are missing.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.jobs.export import ExportRequest
    from tem_rf.jobs.export import export as run_job

    return run_job(
        ExportRequest.build(
            run=_names(run),
            output=output,
            formats=formats,
            check=check,
            authors=authors,
            license_id=license_id,
            held_out=held_out,
            purpose=purpose,
            limits=limits,
            made_by=made_by,
            runs=runs,
            overwrite=overwrite,
        )
    ).card


def import_network(
    file: PathLike,
    output: PathLike | None = None,
    *,
    normalization: Literal["standard", "percentile", "min-max"] | None = None,
    pixel_size_nm: float | None = None,
    overwrite: bool = False,
) -> ModelCard:
    """Import a published network of the study, without PyTorch and without running anything in the file.

    Args:
        file: PyTorch file of a whole network, as the authors of the study publish them.
        output: Folder to write; default: saved_models/NAME of the file.
        normalization: Normalization that the network expects, if not the one that the authors used at its depth.
        pixel_size_nm: Pixel size that it was trained at [nm], which the file does not contain.
        overwrite: Overwrite an existing folder.

    Returns:
        What is known about the model: the content of model.json.

    Raises:
        ReadError: The file is not a network of the study.
        ModelError: The folder contains something else.
        StorageError: The disk is full or the folder is not writable.
    """
    from tem_rf.jobs.export import ImportRequest
    from tem_rf.jobs.export import import_network as run_job

    return run_job(
        ImportRequest.build(
            file=file, output=output, normalization=normalization, pixel_size_nm=pixel_size_nm, overwrite=overwrite
        )
    )


def run_study(
    datasets: PathLike | Sequence[PathLike],
    *,
    preset: str | None = None,
    networks: Sequence[str] | str | Unset = UNSET,
    depths: Sequence[int] | int | Unset = UNSET,
    poolings: Sequence[int] | int | Unset = UNSET,
    dilations: Sequence[int | Sequence[int]] | int | Sequence[int] | Unset = UNSET,
    parts: Sequence[str] | str | Unset = UNSET,
    min_field_px: float | Unset | None = UNSET,
    max_field_px: float | Unset | None = UNSET,
    min_field_nm: float | Unset | None = UNSET,
    max_field_nm: float | Unset | None = UNSET,
    within_patch: bool | Unset = UNSET,
    strategy: Literal["grid", "random", "bayesian", "hyperband"] = "grid",
    budget: int | None = None,
    seeds: Sequence[int] | int = (),
    recipe: str | None = None,
    epochs: int | Unset = UNSET,
    batch_size: int | Unset = UNSET,
    learning_rate: float | Unset = UNSET,
    learning_rate_schedule: Literal["constant", "cosine"] | Unset = UNSET,
    loss: Literal["cross_entropy", "cross_entropy_dice", "focal"] | Unset = UNSET,
    weight_averaging: float | Unset | None = UNSET,
    early_stopping_patience: int | Unset | None = UNSET,
    precision: Literal["float32", "mixed_bfloat16"] | Unset = UNSET,
    blur_px: float = 0,
    dose_fraction: float = 1,
    counts_per_electron: float | None = None,
    noise_sd: float = 0,
    gain: float = 0,
    offset: float = 0,
    workers: int | None = None,
    name: str = "study-1",
    studies: PathLike = "studies",
) -> StudyFolder:
    """Train what a study asks for on this machine, or resume it where the same call stopped.

    Args:
        datasets: Prepared dataset folders.
        preset: A figure of the published study, from which the settings below are taken unless given.
        networks: Networks by name; where some are given, depths, poolings, dilations and parts are not used.
        depths: Depths N: encoder blocks, and so poolings.
        poolings: Sizes that each level may pool by.
        dilations: Dilations: 2 dilates every block by 2; [1, 1, 2] is one per block, for networks of that depth.
        parts: What else they have, in the words of a name: "", "f8", "k5-average-bilinear".
        min_field_px: Minimum receptive field [px].
        max_field_px: Maximum receptive field [px].
        min_field_nm: Minimum receptive field [nm].
        max_field_nm: Maximum receptive field [nm].
        within_patch: Only networks whose field is smaller than the patches they learn from.
        strategy: grid: all, in order; random: in random order; bayesian: the most promising first; hyperband: many for
            a few epochs, the best for more.
        budget: Networks to try per dataset and recipe; without it, all.
        seeds: Seeds; each network is trained once per seed. Default: 752,2245,140, and with a preset those of the
            study.
        recipe: Recipe of the trainings; default: best, and with a preset paper.
        epochs: Passes over the training patches and their eight transforms.
        batch_size: Patches per optimizer step.
        learning_rate: Learning rate of Adam.
        learning_rate_schedule: constant; cosine: warm-up over the first 5 % of the steps, then cosine decay to 0.
        loss: Loss function: cross_entropy, cross_entropy_dice (plus 1 - soft dice), focal.
        weight_averaging: Momentum per step of the averaged weights, which are validated and saved.
        early_stopping_patience: Epochs without an improved validation hard dice before training stops.
        precision: Arithmetic precision of the layers.
        blur_px: Maximum width of a Gaussian blur (defocus, drift) [px].
        dose_fraction: Minimum fraction of the dose; Poisson noise is added to match the lower exposure.
        counts_per_electron: Gain of the camera, for dose_fraction; none: from the dataset, or estimated from the noise.
        noise_sd: Maximum Gaussian noise, in standard deviations of the micrograph.
        gain: Maximum relative change of the contrast, up or down.
        offset: Maximum brightness offset, in standard deviations of the micrograph.
        workers: Trainings at once; without it, one per GPU, or one on the CPU.
        name: Name of the study.
        studies: Folder of the studies.

    Returns:
        The study; `tem_rf.study.results` reads what its trainings came to.

    Raises:
        SettingsError: An unknown setting, or a value out of range.
        StudyError: The settings contradict each other, or the folder contains another study.
        RunError: Another process is running it.
        StorageError: The study cannot be written.
    """
    from tem_rf.jobs.study import StudyRequest
    from tem_rf.jobs.study import run_study as run_job

    request = StudyRequest.build(
        datasets=_several(datasets),
        preset=preset,
        networks=networks,
        depths=depths,
        poolings=poolings,
        dilations=dilations,
        parts=parts,
        min_field_px=min_field_px,
        max_field_px=max_field_px,
        min_field_nm=min_field_nm,
        max_field_nm=max_field_nm,
        within_patch=within_patch,
        strategy=strategy,
        budget=budget,
        seeds=seeds,
        recipe=recipe,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        learning_rate_schedule=learning_rate_schedule,
        loss=loss,
        weight_averaging=weight_averaging,
        early_stopping_patience=early_stopping_patience,
        precision=precision,
        blur_px=blur_px,
        dose_fraction=dose_fraction,
        counts_per_electron=counts_per_electron,
        noise_sd=noise_sd,
        gain=gain,
        offset=offset,
        workers=workers,
    )
    return run_job(request, Path(studies) / name)


def _several(places: PathLike | Sequence[PathLike]) -> list[PathLike]:
    return [places] if isinstance(places, str | Path) else [*places]


def _names(runs: RunFolder | PathLike | Sequence[RunFolder | PathLike]) -> list[str]:
    several = [runs] if isinstance(runs, RunFolder | str | Path) else runs
    return [str(run.path if isinstance(run, RunFolder) else run) for run in several]
