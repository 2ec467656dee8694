"""The notebook runs from the first cell to the last."""

from pathlib import Path

import pytest

from tests.helpers.repository import ROOT

NOTEBOOK = ROOT / "docs" / "tour.ipynb"


@pytest.mark.slow
def test_every_cell_of_the_notebook_runs(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "tour" / "segmented").is_dir()
