"""The app never imports TensorFlow, whatever it shows, and loads little before its first paint."""

import importlib
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from textual.screen import ModalScreen

import tem_rf_tui
from tem_rf.runs.samples import Samples, write_samples
from tem_rf.study.definition.definition import define_study
from tem_rf.study.folder import StudyFolder
from tem_rf_tui.screens.base import TabScreen
from tem_rf_tui.screens.form import FormScreen
from tests.helpers.app import make_run
from tests.helpers.labelled_folder import write_folder
from tests.helpers.workspaces import evaluated_run, segmented_micrograph

_BEFORE_FIRST_PAINT = {
    "architecture", "config", "errors", "files", "jobs", "locks", "platforms", "runs", "saved_models", "version"
}  # fmt: skip
"""Parts of tem_rf that the first paint may wait for."""

_FIRST_PAINT = """
import asyncio, sys
from pathlib import Path

from pydantic import BaseModel
from textual.app import App
from textual.widgets import Static, TabbedContent, TabPane


class Settings(BaseModel):
    width: int | None = None


class Plain(App):
    def compose(self):
        with TabbedContent():
            with TabPane("one"):
                yield Static("text")

    def on_mount(self):
        self.call_after_refresh(self.exit)


asyncio.run(Plain().run_async(headless=True))
before = set(sys.modules)

import tem_rf_tui.app


class Probe(tem_rf_tui.app.TemRfApp):
    CSS_PATH = Path(tem_rf_tui.app.__file__).with_name("app.tcss")

    async def _begin(self):
        known = {name.partition(".")[0] for name in before}
        print(*(name for name in sorted(set(sys.modules) - before) if name.partition(".")[0] not in known))
        self.exit()


asyncio.run(Probe(Path(sys.argv[1])).run_async(headless=True))
"""
"""Says what is imported up to the first paint, beyond what a plain app with settings in pydantic imports."""


@pytest.fixture
def with_everything(folder: Path, tiny_dataset: Path, tmp_path: Path) -> Path:
    """A folder in which every screen has something to show."""
    shutil.copytree(tiny_dataset, folder / "datasets" / "discs")
    write_folder(folder / "micrographs", 2)
    run = evaluated_run(folder, folder / "datasets" / "discs")
    shape = (2, 32, 32)
    write_samples(run.samples_file, Samples(5, np.zeros(shape, np.float32), np.ones(shape, bool), np.ones(shape, bool)))
    definition = {"datasets": [str(folder / "datasets" / "discs")], "space": {"networks": ["n2-p22"]}}
    study = StudyFolder.create_or_open(folder / "studies" / "depths", define_study(definition))
    make_run(study.runs_folder, "discs-best-n2-p22-s752")
    segmented_micrograph(folder, tmp_path / "state")
    return folder


def _run(*arguments: object) -> list[str]:
    """Lines that a fresh interpreter prints."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def _screens() -> set[str]:
    """Every tab and dialog of the app."""
    modules = [importlib.import_module(each.name) for each in pkgutil.walk_packages(tem_rf_tui.__path__, "tem_rf_tui.")]
    return {
        part.__name__
        for module in modules
        for part in vars(module).values()
        if isinstance(part, type)
        and part.__module__ == module.__name__
        and issubclass(part, ModalScreen | TabScreen)
        and part not in (FormScreen, TabScreen)
        and not any(each.__module__.startswith("tem_rf_tui.") for each in part.__subclasses__())
    }


@pytest.mark.slow
def test_no_screen_imports_tensorflow(with_everything: Path) -> None:
    seen, heavy = _run("-m", "tests.helpers.drive_every_screen", with_everything)
    assert _screens() - set(seen.split()) == set()
    assert heavy == ""


def test_before_the_first_paint_nothing_is_imported_that_a_plain_app_does_without(folder: Path) -> None:
    modules = [name.split(".") for name in _run("-c", _FIRST_PAINT, folder)[-1].split()]
    foreign = {top for top, *_ in modules} - {"tem_rf", "tem_rf_tui"} - sys.stdlib_module_names
    assert ["tem_rf_tui", "app"] in modules
    assert {name for name in foreign if not name.startswith("_sysconfigdata")} == set()  # that one is Python's own
    assert {name[1] for name in modules if name[0] == "tem_rf" and len(name) > 1} <= _BEFORE_FIRST_PAINT
    tabs = {"data", "network", "train", "search", "results", "segment"}
    assert tabs.isdisjoint(name[-1] for name in modules if name[:2] == ["tem_rf_tui", "screens"])
