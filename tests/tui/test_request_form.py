"""Forms are made from requests: every setting, its help, its default and its range come from there."""

import asyncio
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Select

from tem_rf.jobs.evaluate import EvaluateRequest
from tem_rf.jobs.export import ExportRequest
from tem_rf.jobs.fetch import FetchRequest
from tem_rf.jobs.prepare import PrepareRequest
from tem_rf.jobs.request import Request
from tem_rf.jobs.segment import SegmentRequest
from tem_rf.jobs.simulate import SimulateRequest
from tem_rf.jobs.study import StudyRequest
from tem_rf.jobs.train import TrainRequest
from tem_rf_tui.widgets.field_help import FieldHelp
from tem_rf_tui.widgets.request_form import RequestForm
from tem_rf_tui.widgets.switch_box import SwitchBox

REQUESTS = (
    EvaluateRequest,
    ExportRequest,
    FetchRequest,
    PrepareRequest,
    SegmentRequest,
    SimulateRequest,
    StudyRequest,
    TrainRequest,
)

_NARROW_FORM, _HELP_LINES = 72, 3


class FormApp(App[None]):
    """Shows one form."""

    def __init__(self, form: RequestForm[Any]) -> None:
        super().__init__()
        self.form = form

    def compose(self) -> ComposeResult:
        yield self.form


def _drive(form: RequestForm[Any], script: Callable[[FormApp, Pilot[None]], Awaitable[None]]) -> None:
    async def run() -> None:
        app = FormApp(form)
        async with app.run_test(size=(120, 60)) as pilot:
            await script(app, pilot)

    asyncio.run(run())


def _type(app: FormApp, setting: str, text: str) -> None:
    app.query_one(f"#field-{setting}", Input).value = text


def _help(app: FormApp, setting: str) -> str:
    return str(app.query_one(f"#help-{setting}", FieldHelp).render())


@pytest.mark.parametrize("request_class", REQUESTS)
def test_the_help_of_every_setting_fits_below_the_fields_of_a_narrow_form(request_class: type[Request]) -> None:
    cut = {
        name: setting.help
        for name, setting in request_class.settings().items()
        if len(textwrap.wrap(setting.help, _NARROW_FORM)) > _HELP_LINES
    }
    assert not cut


@pytest.mark.parametrize("request_class", REQUESTS)
def test_every_setting_has_a_field_basic_ones_first(request_class: type[Request]) -> None:
    settings = request_class.settings()

    async def script(app: FormApp, pilot: Pilot[None]) -> None:
        def shown() -> list[str]:
            fields = app.query(".field > Input, .field > Select, .field > SwitchBox")
            return [(field.id or "").removeprefix("field-") for field in fields]

        basic = [name for name, setting in settings.items() if not setting.is_advanced]
        assert shown() == basic
        await app.form.toggle_advanced()
        assert shown() == basic + [name for name, setting in settings.items() if setting.is_advanced]
        for name, setting in settings.items():
            assert app.query_one(f"#help-{name}", FieldHelp).about == setting.help

    _drive(RequestForm(request_class), script)


def test_all_settings_are_shown_and_hidden_and_what_was_typed_holds() -> None:
    async def script(app: FormApp, pilot: Pilot[None]) -> None:
        await app.form.toggle_advanced()
        await pilot.pause()
        first = next(name for name, setting in TrainRequest.settings().items() if setting.is_advanced)
        assert app.focused is app.query_one(f"#field-{first}")
        _type(app, "gain", "0.1")
        await app.form.toggle_advanced()
        assert not app.query_one("#advanced").display
        assert app.form.given["gain"] == "0.1"
        await app.form.toggle_advanced()
        assert app.query_one("#advanced").display

    _drive(RequestForm(TrainRequest, fixed={"dataset": "au"}), script)


def test_what_is_not_touched_is_not_given() -> None:
    async def script(app: FormApp, pilot: Pilot[None]) -> None:
        await app.form.toggle_advanced()
        assert app.form.given == {"dataset": "au"}
        assert app.form.request == TrainRequest.build(dataset="au")
        _type(app, "epochs", "7")
        _type(app, "gain", "0.1")
        app.query_one("#field-evaluate", SwitchBox).value = True
        assert app.form.request == TrainRequest.build(dataset="au", epochs=7, gain=0.1, evaluate=True)
        _type(app, "epochs", "")
        assert "epochs" not in app.form.given

    _drive(RequestForm(TrainRequest, fixed={"dataset": "au"}), script)


def test_another_recipe_changes_the_fields_that_nobody_has_typed_into() -> None:
    async def script(app: FormApp, pilot: Pilot[None]) -> None:
        _type(app, "batch_size", "5")
        app.query_one("#field-recipe", Select).value = "paper"
        await pilot.pause()
        paper = TrainRequest.defaults(recipe="paper")
        assert app.query_one("#field-learning_rate", Input).value == str(paper["learning_rate"])
        assert paper["learning_rate"] != TrainRequest.defaults()["learning_rate"]
        assert app.form.request == TrainRequest.build(dataset="au", recipe="paper", batch_size=5)

    _drive(RequestForm(TrainRequest, fixed={"dataset": "au"}), script)


def test_a_model_to_start_from_brings_the_defaults_of_its_recipe() -> None:
    async def script(app: FormApp, pilot: Pilot[None]) -> None:
        _type(app, "start_from", "gold")
        await pilot.pause()
        tuned = TrainRequest.defaults(start_from="gold")
        assert app.query_one("#field-learning_rate", Input).value == str(tuned["learning_rate"])
        assert tuned["learning_rate"] != TrainRequest.defaults()["learning_rate"]
        assert app.form.request == TrainRequest.build(dataset="au", start_from="gold")

    _drive(RequestForm(TrainRequest, fixed={"dataset": "au"}), script)


def test_a_limit_is_turned_off_by_its_word_and_lists_take_commas() -> None:
    async def script(app: FormApp, pilot: Pilot[None]) -> None:
        _type(app, "output", "datasets/au")
        _type(app, "micrographs", "a, b/c")
        _type(app, "xray_threshold", "none")
        request = app.form.request
        assert request is not None
        assert request.micrographs == (Path("a"), Path("b/c"))
        assert request.preparation.xray_threshold is None
        assert request.command_line()[:3] == ["prepare", "a", "b/c"]

    _drive(RequestForm(PrepareRequest), script)


def test_a_required_field_is_not_a_mistake_before_somebody_tries() -> None:
    async def script(app: FormApp, pilot: Pilot[None]) -> None:
        _type(app, "output", "masks")
        await pilot.pause()
        assert _help(app, "images") == SegmentRequest.settings()["images"].help
        assert app.form.problem == "images: expected a value, received none."
        app.form.show_problems()
        assert _help(app, "images") == "✗ expected a value, received none."
        _type(app, "min_diameter_nm", "-1")
        await pilot.pause()
        assert "greater than or equal to 0" in _help(app, "min_diameter_nm")

    _drive(RequestForm(SegmentRequest), script)


def test_a_switch_says_whether_it_is_on() -> None:
    async def script(app: FormApp, pilot: Pilot[None]) -> None:
        box = app.query_one("#field-split_touching", SwitchBox)
        assert (str(box.label), box.BUTTON_INNER) == ("off", " ")
        box.focus()
        await pilot.press("space")
        assert (str(box.label), box.BUTTON_INNER) == ("on", "X")

    _drive(RequestForm(SegmentRequest), script)
