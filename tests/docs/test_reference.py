"""The reference is made from the code: what is in the code is on the page."""

from pathlib import Path
from typing import Annotated

import pytest
import typer
from pydantic import Field

import tem_rf
from docs.reference_pages.api import public_names
from docs.reference_pages.commands import commands, commands_page
from docs.reference_pages.doctests import fenced
from docs.reference_pages.events import events_page
from docs.reference_pages.formats import formats_page
from docs.reference_pages.models import model_section
from docs.reference_pages.settings import settings_page
from tem_rf.cli.app import app
from tem_rf.cli.on_use import with_all_commands
from tem_rf.config import training
from tem_rf.config.training import RECIPES, TrainingSettings
from tem_rf.study.definition.definition import StudyDefinition


def test_every_command_and_option_is_on_the_page() -> None:
    root = with_all_commands(app)
    page = commands_page(root)
    listed = dict(commands(root, "tem-rf"))
    assert {"tem-rf prepare", "tem-rf study run", "tem-rf data check"} <= listed.keys()
    for path, command in listed.items():
        assert f"\n## {path}\n" in page
        for parameter in command.params:
            assert parameter.help
            assert parameter.help.replace("|", "\\|") in page


def test_a_new_command_appears_with_its_help_and_its_example() -> None:
    new = typer.Typer()

    @new.callback()
    def root() -> None:
        """A group."""

    @new.command()
    def polish(
        grid: Annotated[Path, typer.Argument(help="The grid.")],
        depth_nm: Annotated[float, typer.Option(help="How deep, in nm.")] = 2.5,
    ) -> None:
        """Polish a grid.

        Example: tem-rf polish grid-1
        """

    page = commands_page(typer.main.get_command(new))
    assert "## tem-rf polish\n\nPolish a grid.\n\n```text\ntem-rf polish grid-1\n```" in page
    assert "tem-rf polish GRID [OPTIONS]" in page
    assert "| `GRID` | required | The grid. |" in page
    assert "| `--depth-nm` | `2.5` | How deep, in nm. |" in page


def test_every_setting_is_on_the_page_with_its_range() -> None:
    page = settings_page()
    for model in (TrainingSettings, StudyDefinition):
        assert all(f"| `{name}` |" in page for name in model.model_fields)
    assert (
        "| `epochs` | whole number, ≥\u00a01 | `100` | Passes over the training patches and their eight transforms. |"
        in page
    )
    assert all(f"| `{recipe}` |" in page for recipe in RECIPES)


def test_a_new_setting_and_a_new_model_appear(monkeypatch: pytest.MonkeyPatch) -> None:
    class PolishSettings(TrainingSettings):
        """How a grid is polished."""

        depth_nm: float = Field(2.5, gt=0, lt=9, description="How deep [nm].")

    PolishSettings.__module__ = training.__name__
    monkeypatch.setattr(training, "PolishSettings", PolishSettings, raising=False)
    page = settings_page()
    assert "## PolishSettings\n\nHow a grid is polished." in page
    assert "| `depth_nm` | number, >\u00a00, <\u00a09 | `2.5` | How deep [nm]. |" in page


def test_fields_say_what_they_take() -> None:
    section = model_section(StudyDefinition, "A study")
    assert "| `datasets` | list of path | required |" in section
    assert "| `seeds` | list of whole number | `752, 2245, 140` |" in section


def test_events_of_runs_and_studies_are_on_the_page() -> None:
    page = events_page()
    for kind in ("status", "step", "epoch", "notice", "sample", "trial", "run", "workers"):
        assert page.count(f"### `{kind}`\n") == 1
    assert "| `validation_hard_dice` | number |" in page


@pytest.mark.parametrize(
    "line",
    [
        "| `model.keras` | the network with the best validation hard dice so far. |",
        "| `study.toml` | the definition of the study. |",
        "| `events.jsonl` | the events, append-only. |",
        "| `particle_fraction` | Fraction of particle pixels. |",
        "| `feret_max_px` | Maximum Feret diameter: distance between two parallel lines around it [px]. |",
        "| `pixel_size_nm` | number or null | required | Pixel size of the patches [nm]; None: not known. |",
        "| `litert` | `model.tflite` |",
    ],
)
def test_files_and_their_fields_are_on_the_page(line: str) -> None:
    assert line in formats_page()


def test_doctests_of_docstrings_are_fenced() -> None:
    fenced_text = fenced("Twice.\n\n>>> twice(1)\n2\n\nSource: none.")
    assert fenced_text == "Twice.\n\n```pycon\n>>> twice(1)\n2\n```\n\nSource: none."


def test_the_api_page_has_every_public_name_at_its_home() -> None:
    homes = public_names(Path(tem_rf.__file__).parent)
    assert set(homes) == set(tem_rf.__all__)
    assert homes["Architecture"] == "tem_rf.architecture.architecture.Architecture"
