"""One declaration of each setting: options, forms, signatures and command lines are made from the requests."""

import ast
import inspect
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import tem_rf.api
from tem_rf.cli.app import app
from tem_rf.cli.on_use import with_all_commands
from tem_rf.config.marks import UNSET
from tem_rf.errors import SettingsError, TemRfError
from tem_rf.jobs.check import CheckRequest
from tem_rf.jobs.edit_label import EditRequest
from tem_rf.jobs.fetch import FetchRequest
from tem_rf.jobs.next_labels import NextRequest
from tem_rf.jobs.request import Request
from tem_rf.jobs.study import StudyRequest, define
from tem_rf.jobs.train import TrainRequest
from tem_rf.jobs.workers import WorkersRequest
from tools.write_api import API, REQUESTS, api_text

JOBS: list[type[Request]] = [*REQUESTS.values(), CheckRequest, EditRequest, FetchRequest, NextRequest, WorkersRequest]
FUNCTIONS = {
    "trust": "record_trust",
    "particles": "summarize_particles",
    "import": "import_network",
    "study": "run_study",
}
# What a request needs at least.
REQUIRED: dict[str, dict[str, Any]] = {
    "prepare": {"micrographs": "m", "output": "o"},
    "train": {"dataset": "d"},
    "evaluate": {"run": "r"},
    "segment": {"images": "i"},
    "export": {"run": "r"},
    "calibrate": {"model": "m", "labelled": "l"},
    "import": {"file": "f"},
    "study": {"datasets": "d"},
}


def command_of(request: type[Request]) -> Any:
    found = with_all_commands(app)
    for word in request.command:
        found = found.commands[word]
    return found


def build(job: str, /, **given: Any) -> Request:
    required = {key: [value] if key in ("micrographs", "run", "images", "datasets", "labelled") else value
                for key, value in REQUIRED.get(job, {}).items()}  # fmt: skip
    return REQUESTS[job].build(**required, **given)


@pytest.mark.parametrize("request_class", JOBS, ids=lambda one: one.__name__)
def test_the_command_offers_every_setting_under_its_flags(request_class: type[Request]) -> None:
    parameters = {parameter.name: parameter for parameter in command_of(request_class).params}
    for name, setting in request_class.settings().items():
        assert name in parameters, f"{name} is no option of tem-rf {shlex.join(request_class.command)}"
        if setting.positional is None:
            assert set(setting.flags) <= set(parameters[name].opts)
    flags = Counter(flag for parameter in parameters.values() for flag in parameter.opts)
    assert [flag for flag, count in flags.items() if count > 1] == []


@pytest.mark.parametrize("name", REQUESTS)
def test_the_python_function_takes_every_setting(name: str) -> None:
    parameters = inspect.signature(getattr(tem_rf.api, FUNCTIONS.get(name, name))).parameters
    for setting in REQUESTS[name].settings().values():
        assert setting.name in parameters
        if setting.is_preset_dependent:
            assert parameters[setting.name].default is UNSET
    assert not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())


def test_the_python_functions_are_up_to_date() -> None:
    assert API.read_text(encoding="utf-8") == api_text()


def test_no_command_declares_a_setting_of_its_job_itself() -> None:
    settings = {name for request in JOBS for name in request.settings()}
    twice = []
    for request in JOBS:
        module = inspect.getmodule(inspect.unwrap(command_of(request).callback))
        assert module is not None
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.FunctionDef):
                is_generated = any("takes" in ast.unparse(decorator) for decorator in node.decorator_list)
                names = [argument.arg for argument in node.args.args] if is_generated else []
                twice += [f"{module.__name__}.{node.name}: {name}" for name in names if name in settings]
    # The file of a definition and the name of a study: settings of other jobs have these names, not those of a study.
    assert sorted(set(twice)) == ["tem_rf.cli.study.new.new: output", "tem_rf.cli.study.run.run: name"]


@pytest.mark.parametrize("name", REQUESTS)
def test_a_command_line_asks_for_the_same_request(name: str) -> None:
    """Every setting in turn gets another value; the words that say so give the same request back."""
    for setting in REQUESTS[name].settings().values():
        value = _another(setting)
        if value is None or setting.is_required:
            continue
        try:
            request = build(name, **{setting.name: value})
        except TemRfError:  # it needs another setting beside it
            continue
        assert _parsed(type(request), request.arguments()) == request, setting.name


def _another(setting: Any) -> Any:
    default = setting.start
    if setting.is_switch:
        return not default
    if setting.choices:
        return next((choice for choice in setting.choices if choice != default), None)
    if isinstance(default, tuple) and not setting.is_list:
        return default[0] + 1, default[1] + 1
    if setting.has_commas:
        return "3,4"
    if setting.is_list:
        return {"queue": "gpu"} if setting.name == "slurm" else ["a=b", "c=d"]
    if setting.plain_type in (int, float):
        return next((value for value in (0.5, 1, 2, 64, 128) if value != default and not setting.check(value)), None)
    return "other"


def _parsed(request: type[Request], arguments: list[str]) -> Request:
    """What the command would take the words for."""
    command = command_of(request)
    context = command.make_context("test", [*arguments], resilient_parsing=False)
    given = {name: context.params[name] for name in request.settings()}
    return request.build(**{name: value for name, value in given.items() if value not in (None, [], ())})


def test_a_recipe_fills_what_is_not_given() -> None:
    paper = TrainRequest.build(dataset="d", recipe="paper", epochs=7)
    assert (paper.training.epochs, paper.training.batch_size) == (7, 32)
    assert TrainRequest.build(dataset="d").training.batch_size == 8
    assert TrainRequest.build(dataset="d", epochs=UNSET) == TrainRequest.build(dataset="d")
    assert paper.arguments() == ["d", "--recipe", "paper", "--epochs", "7"]


def test_a_recipe_brings_its_augmentation_and_what_is_given_replaces_it() -> None:
    assert TrainRequest.build(dataset="d").augmentation.is_off
    robust = TrainRequest.build(dataset="d", recipe="robust")
    assert robust.augmentation.noise_sd == 1.75
    assert robust.arguments() == ["d", "--recipe", "robust"]
    assert TrainRequest.build(dataset="d", recipe="robust", noise_sd=0).augmentation.is_off
    study = StudyRequest.build(datasets=["a"], recipe="robust")
    assert define(study).augmentation == robust.augmentation


def test_what_is_wrong_is_told_by_the_name_of_the_setting() -> None:
    with pytest.raises(
        SettingsError, match="`nonsense`: no such setting; expected one of dataset, network, start_from, seed"
    ):
        TrainRequest.build(dataset="d", nonsense=1)
    with pytest.raises(SettingsError, match=r"`epochs`: .*received 0"):
        TrainRequest.build(dataset="d", epochs=0)
    with pytest.raises(SettingsError, match="`dataset`: expected a value, received none"):
        TrainRequest.build()
    problems = TrainRequest.problems({"dataset": "d", "epochs": "many", "blur_px": 99})
    assert set(problems) == {"epochs", "blur_px"}
    assert TrainRequest.problems({"dataset": "d", "epochs": "5"}) == {}


def test_a_request_becomes_a_definition() -> None:
    request = StudyRequest.build(
        datasets=["a", "/b/c"], depths="2", max_field_px=100, strategy="random", budget=3, workers=2
    )
    definition = define(request)
    assert definition.datasets == (Path("a").resolve(), Path("/b/c"))
    assert (definition.space.depths, definition.space.max_field_px) == ((2,), 100)
    assert (definition.strategy.name, definition.strategy.budget, definition.execution.workers) == ("random", 3, 2)
    with pytest.raises(SettingsError, match="`depths`: expected a whole number"):
        StudyRequest.build(datasets=["a"], depths="deep")


def test_a_preset_of_a_study_is_where_its_settings_start() -> None:
    assert define(StudyRequest.build(datasets=["a"], preset="fig3")).space.depths == (2,)
    assert define(StudyRequest.build(datasets=["a"], preset="fig3", depths="2,3,4")).space.depths == (2, 3, 4)
    assert define(StudyRequest.build(datasets=["a"], preset="fig3")).training[0].recipe == "paper"
    assert len(define(StudyRequest.build(datasets=["a"], preset="fig2")).seeds) == 5


def test_every_setting_says_what_it_means() -> None:
    silent = [
        f"{request.__name__}.{name}" for request in JOBS for name, one in request.settings().items() if not one.help
    ]
    assert silent == []


def test_a_study_from_models_only_has_their_recipe() -> None:
    both = StudyRequest.build(datasets=["a"], start_from="none,au-hrtem")
    assert (both.training.recipe, define(both).start_from) == ("best", ("none", "au-hrtem"))
    assert both.arguments() == ["a", "--from", "none,au-hrtem"]
    assert StudyRequest.build(datasets=["a"], start_from=["au-hrtem"], preset="fig2").training.recipe == "finetune"
    path = StudyRequest.build(datasets=["a"], start_from="models/gold")
    assert define(path).start_from == (str(Path("models/gold").resolve()),)


def test_a_model_to_start_from_brings_its_recipe_and_its_network() -> None:
    request = TrainRequest.build(dataset="d", start_from="bright-field")
    assert (request.training.recipe, request.architectures, request.run_count) == ("finetune", [], 1)
    assert request.arguments() == ["d", "--from", "bright-field"]
    given = TrainRequest.build(dataset="d", start_from="bright-field", recipe="best", freeze="encoder", seed="1,2")
    assert (given.training.recipe, given.training.freeze, given.run_count) == ("best", "encoder", 2)
    assert TrainRequest.build(dataset="d", start_from="m", freeze="none").training.freeze is None
