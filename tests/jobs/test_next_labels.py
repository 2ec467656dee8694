"""Patches are cut out with the particles that a model finds, to be corrected."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tem_rf.data.micrograph import Micrograph
from tem_rf.data.readers import read_micrograph
from tem_rf.inference.model import load_segmenter
from tem_rf.inference.predict import segment_by_ensemble
from tem_rf.jobs.next_labels import NextRequest, suggest_labels
from tem_rf.particles.split import number_particles
from tem_rf.runs import RunFolder
from tests.helpers.labelled_folder import write_touching_folder


@pytest.fixture
def micrograph(tmp_path: Path) -> Micrograph:
    """One that is not in the dataset of the run."""
    return read_micrograph(write_touching_folder(tmp_path / "all", 7) / "images" / "m6.tif")


def test_suggested_particles_are_split_by_the_distance_of_the_model(
    distance_run: RunFolder, micrograph: Micrograph, tmp_path: Path
) -> None:
    request = NextRequest.build(
        folder=tmp_path / "all" / "images",
        model=(str(distance_run.path),),
        output=tmp_path / "out",
        count=1,
        transforms=2,
        patch_size=128,
    )
    found = segment_by_ensemble([load_segmenter(distance_run.path)], micrograph, transforms=2, with_distance=True)
    (patch,) = suggest_labels(request).patches
    expected = number_particles(found.mask, split_touching=True, distance=found.distance)
    np.testing.assert_array_equal(tifffile.imread(patch.start), expected)
    assert expected.max() > number_particles(found.mask).max()
