"""What commands leave in a folder, for the screens that show it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tem_rf import Architecture
from tem_rf.config.training import training_settings
from tem_rf.data.prepared import open_dataset
from tem_rf.data.tiff import write_tiff
from tem_rf.evaluation.evaluate import score_patches, write_masks
from tem_rf.metrics.scores import write_scores
from tem_rf.particles.measure import measure_particles
from tem_rf.particles.table import write_particles
from tem_rf.runs import RunFolder
from tem_rf.runs.dataset import configure_run
from tests.helpers.app import make_run


def evaluated_run(folder: Path, dataset_folder: Path) -> RunFolder:
    """A run whose masks are its labels with the upper half cut off; the dataset is at hand."""
    dataset = open_dataset(dataset_folder)
    config = configure_run(dataset_folder, Architecture((2, 2)), training_settings("paper", epochs=5), 752)
    fields: dict[str, Any] = {name: getattr(config, name) for name in ("dataset", "dataset_sha256", "architecture")}
    run = make_run(folder / "runs", "n2-p22-s752", **fields)
    indices = dataset.indices("test")
    masks = np.array(dataset.labels[indices]) > 0
    masks[:, : masks.shape[1] // 2] = False
    run.model_file.write_bytes(b"")
    write_masks(run.masks_file, masks)
    write_scores(run.scores_file, score_patches(dataset, indices, masks))
    return run


def finished_job(folder: Path, state: Path, title: str, result: Any, *, code: int = 0, ending: str = "done") -> Path:
    """A job of the app that has ended in a workspace, with its JSON output."""
    jobs = state / "tem-rf" / "jobs"
    job = jobs / f"{title.replace(' ', '-')}"
    (job.parent / f".{job.name}").mkdir(parents=True)
    part = job.parent / f".{job.name}"
    about = {"title": title, "workspace": str(folder), "started": 1.0, "pid": 1, "create_time": 0.0, "ending": ending}
    (part / "code.txt").write_text(f"{code}\n")
    (part / "output.txt").write_text(json.dumps(result))
    (part / "job.json").write_text(json.dumps(about))
    return part.rename(job)  # complete when it appears


def segmented_micrograph(folder: Path, state: Path) -> None:
    """A finished `tem-rf segment`, as the app would have left it."""
    rng = np.random.default_rng(0)
    write_tiff(folder / "au.tif", rng.normal(100, 10, (64, 64)).astype(np.float32), pixel_size_nm=0.02)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 20:40] = 1
    write_tiff(folder / "au_mask.tif", mask, pixel_size_nm=0.02)
    job = state / "tem-rf" / "jobs" / "1"
    job.mkdir(parents=True)
    about = {"title": "segment au.tif", "workspace": str(folder), "started": 1.0, "pid": 1, "create_time": 0.0}
    (job / "job.json").write_text(json.dumps(about))
    (job / "code.txt").write_text("0\n")
    numbers = np.zeros((64, 64), np.int32)
    for number, (top, side) in enumerate(((2, 8), (14, 10), (28, 12), (44, 30)), start=1):
        numbers[top : top + side, 4 : 4 + side] = number
    particles = measure_particles(numbers)  # the edge cuts the last one
    write_particles(folder / "au_particles.csv", [(1, particles)], pixel_size_nm=0.02)
    row = {"image": "au.tif", "mask": "au_mask.tif", "particle_fraction": 400 / 4096, "pixel_size_nm": 0.02}
    row |= {"particles": "au_particles.csv", "sizes": {"count": len(particles)}}
    (job / "output.txt").write_text(json.dumps([row]))


def segmented_movie(folder: Path, state: Path) -> None:
    """A finished `tem-rf segment` of a movie of two frames, with numbers and probabilities of the particles."""
    rng = np.random.default_rng(0)
    numbers = np.zeros((2, 64, 64), np.uint16)
    numbers[0, 4:12, 4:12], numbers[0, 30:48, 30:48], numbers[1, 20:40, 20:40] = 1, 2, 1
    probability = np.where(numbers == 1, 0.6, np.where(numbers == 2, 0.9, 0.0)).astype(np.float32)
    images: dict[str, np.ndarray] = {
        "movie": rng.normal(100, 10, numbers.shape).astype(np.float32),
        "movie_mask": (numbers > 0).astype(np.uint8),
        "movie_instances": numbers,
        "movie_probability": probability,
    }
    for name, stack in images.items():
        tifffile.imwrite(folder / f"{name}.tif", stack, photometric="minisblack")
    confidence = {1: 0.6, 2: 0.9}
    frames = [
        (number, [replace(one, confidence=confidence[one.number]) for one in measure_particles(frame.astype(np.int32))])
        for number, frame in enumerate(numbers, start=1)
    ]
    write_particles(folder / "movie_particles.csv", frames, pixel_size_nm=0.02)
    kinds = ("mask", "instances", "probability")
    row = {"image": "movie.tif", "particle_fraction": 0.1, "pixel_size_nm": 0.02, "particles": "movie_particles.csv"}
    row |= {kind: f"movie_{kind}.tif" for kind in kinds}
    finished_job(folder, state, "segment movie.tif", [row])
