"""What the tests of studies share."""

from pathlib import Path

import pytest

from tem_rf.data.manifest import Manifest
from tem_rf.data.prepared import read_manifest


@pytest.fixture
def manifest(tiny_dataset: Path) -> Manifest:
    """Of a dataset with the study's patches and pixel size."""
    return read_manifest(tiny_dataset).model_copy(
        update={"name": "au-5nm", "patch_size": 512, "pixel_size_nm": 0.02152}
    )
