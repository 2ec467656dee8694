"""Where the repository is, and the files beside it that do not ship with the project."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
REFERENCE_NETWORKS = ("UNet_b2_Au_m22_run1", "UNet_b2_Au_m44_run1", "random_n3_m224", "random_n2_d112")


def shared_file(*parts: str) -> Path:
    """A file that does not ship with the project; the test skips where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is absent: it does not ship with the project")
    return path
