"""Contrast, diameters and results are taken from the data."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tem_rf.data.intensity import ClassIntensity, Intensity
from tem_rf.data.prepared import open_dataset
from tem_rf.evaluation.evidence import gather_evidence, median_diameter_px, separability
from tem_rf.runs import RunFolder
from tests.helpers.run_folders import new_run


def intensity(particle: list[int], background: list[int]) -> Intensity:
    classes = (
        ClassIntensity(pixels=sum(counts), mean=0, sd=1, median=0, histogram=counts + [0] * (240 - len(counts)))
        for counts in (particle, background)
    )
    return Intensity(low=0, high=1, **dict(zip(("particle", "background"), classes, strict=True)))


@pytest.mark.parametrize(
    ("particle", "background", "expected"),
    [
        ([10, 0, 0], [0, 5, 5], 1.0),  # all darker
        ([0, 0, 10], [5, 5, 0], 1.0),  # all brighter
        ([5, 5], [5, 5], 0.5),
        ([0, 10], [5, 5], 0.75),  # half of the pairs are told apart, half are ties
    ],
)
def test_separability_is_the_part_of_pairs_that_brightness_tells_apart(
    particle: list[int], background: list[int], expected: float
) -> None:
    assert separability(intensity(particle, background)) == pytest.approx(expected)


def test_particles_cut_by_the_border_have_no_diameter() -> None:
    y, x = np.mgrid[:64, :64]
    mask = ((y - 32) ** 2 + (x - 32) ** 2 <= 10**2).astype(np.uint8)
    mask[:12, :12] = 1
    assert median_diameter_px(mask[np.newaxis]) == pytest.approx(20, abs=0.5)
    assert median_diameter_px(mask[np.newaxis, :32, :32]) is None


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, while it saves
def test_only_runs_that_finished_on_the_dataset_count(
    tiny_dataset: Path, trained_run: RunFolder, tmp_path: Path
) -> None:
    dataset = open_dataset(tiny_dataset)
    evidence = gather_evidence(dataset, [trained_run, new_run(tiny_dataset, tmp_path / "new")])
    (result,) = evidence.results
    assert result.architecture.name == "n2-p22"
    assert len(result.hard_dice) == 1
    assert evidence.separability > 0.9  # dark discs
    assert evidence.patch_size == 32


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_runs_count_for_the_dataset_they_began_with_wherever_it_lies(
    tiny_dataset: Path, trained_run: RunFolder, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(tiny_dataset, moved)
    assert len(gather_evidence(open_dataset(moved), [trained_run]).results) == 1
    replaced = trained_run.config.model_copy(update={"dataset": moved, "dataset_sha256": "0" * 64})
    run = RunFolder.create_or_open(tmp_path / "run", replaced)
    (run.path / "events.jsonl").write_bytes(trained_run.events_file.read_bytes())
    assert gather_evidence(open_dataset(moved), [run]).results == ()
