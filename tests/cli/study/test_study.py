"""`tem-rf study`: definitions written and run from the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tem_rf.runs import process
from tem_rf.runs.events import StatusEvent
from tem_rf.study import driver
from tem_rf.study.definition.definition import read_definition
from tem_rf.study.events import RunEvent, TrialEvent
from tem_rf.study.folder import StudyFolder
from tests.helpers.command import Command, Result, tem_rf
from tests.helpers.stub_study import new_study


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        return tem_rf(capfd, monkeypatch, "study", *arguments)

    return run


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Studies whose trainings are stubs, in this process and without workers."""
    from tem_rf.study.search.search import Search
    from tests.helpers.stub_training import train

    calls: list[dict[str, Any]] = []

    def run_study(folder: StudyFolder, start_pool: Any, *, listener: Any, retry_failed: Any) -> driver.Outcome:
        calls.append({"folder": folder, "retry_failed": retry_failed})
        search = Search(folder, retry_failed=retry_failed)
        while trial := search.ask():
            for run in trial.unfinished():
                train(run)
                listener(RunEvent(state="finished", run=run.name, worker="cpu0"))
            objective = search.tell(trial)
            name = trial.architecture.name
            listener(TrialEvent(state="finished", trial="", setup=trial.setup, architecture=name, objective=objective))
        folder.event_log().write(StatusEvent(state="finished"))
        return driver.Outcome("finished")

    monkeypatch.setattr(driver, "run_study", run_study)
    return calls


SMALL = ("--network", "n1-p2-f1", "--seed", "1,2", "--epochs", "2")


@pytest.fixture
def definition(tiny_dataset: Path, command: Command, tmp_path: Path) -> Path:
    assert command("new", tiny_dataset, *SMALL, "-o", tmp_path / "small.toml").code == 0
    return tmp_path / "small.toml"


def test_options_become_a_definition(tiny_dataset: Path, command: Command, tmp_path: Path) -> None:
    options = ["--depth", "1,2", "--poolings", "1,2", "--dilations", "1,2", "--max-field-px", 30, "--min-field-nm", 0.1]
    options += ["--strategy", "bayesian", "--budget", 3, "--seed", "7", "--epochs", 5, "--workers", 2]
    printed = command("new", tiny_dataset, *options)
    assert printed.code == 0
    (tmp_path / "study.toml").write_text(printed.stdout)
    read = read_definition(tmp_path / "study.toml")
    assert (read.datasets, read.seeds, read.training[0].epochs) == ((tiny_dataset,), (7,), 5)
    assert (read.space.depths, read.space.poolings, read.space.dilations) == ((1, 2), (1, 2), (1, 2))
    assert (read.space.max_field_px, read.space.min_field_nm) == (30, 0.1)
    assert (read.strategy.name, read.strategy.budget, read.execution.workers) == ("bayesian", 3, 2)
    assert "discs-best: 3 trainings" in printed.stderr


def test_a_preset_can_be_changed_by_options(tiny_dataset: Path, command: Command, tmp_path: Path) -> None:
    command("new", tiny_dataset, "--preset", "fig4", "--depth", "1", "--epochs", "3", "-o", "fig4.toml")
    read = read_definition(tmp_path / "fig4.toml")
    assert (read.space.networks, read.space.depths, read.training[0].epochs, len(read.seeds)) == ((), (1,), 3, 5)


def test_a_study_is_run_listed_and_finished(
    definition: Path, command: Command, trained: list[dict[str, Any]], tmp_path: Path
) -> None:
    result = command("run", definition, "--json")
    assert result.code == 0
    assert json.loads(result.stdout) == {
        "study": "studies/small",
        "state": "finished",
        "detail": "",
        "setups": 1,
        "runs_finished": 2,
        "runs_failed": 0,
        "runs_planned": 2,
    }
    assert "discs-best  n1-p2-f1: objective 0." in result.stderr
    assert json.loads(command("list", "--json").stdout)[0]["state"] == "finished"
    assert "2/2" in command("list").stdout


def test_a_study_goes_on_by_name_folder_or_its_own_definition(
    definition: Path, command: Command, trained: list[dict[str, Any]]
) -> None:
    command("run", definition)
    for study in ("small", "studies/small", "studies/small/study.toml"):
        assert command("run", study, "--retry-failed").code == 0
    assert {str(call["folder"].path) for call in trained} == {"studies/small"}
    assert [call["retry_failed"] for call in trained] == [False, True, True, True]


def test_where_it_is_executed_is_remembered(definition: Path, command: Command, trained: list[dict[str, Any]]) -> None:
    command("run", definition, "--workers", 3)
    study = StudyFolder(Path("studies/small"))
    assert study.definition.execution.workers == 3
    command("run", "small", "--slurm", "queue=gpu", "--slurm", "cores=4", "--slurm", "walltime=04:00:00")
    execution = study.definition.execution
    assert (execution.workers, execution.slurm) == (3, {"queue": "gpu", "cores": 4, "walltime": "04:00:00"})
    command("run", "small", "--scheduler", "tcp://127.0.0.1:8786")
    assert (study.definition.execution.slurm, study.definition.execution.scheduler) == (None, "tcp://127.0.0.1:8786")


def test_a_changed_definition_needs_extend(definition: Path, command: Command, trained: list[dict[str, Any]]) -> None:
    command("run", definition)
    definition.write_text(definition.read_text().replace("seeds = [1, 2]", "seeds = [1, 2, 3]"))
    refused = command("run", definition)
    assert (refused.code, refused.stderr.splitlines()[-1]) == (
        2,
        "tem-rf: studies/small: holds another study: seeds: expected 1, 2, received 1, 2, 3; give the same "
        "definition to continue it, --extend to add to it, or another --name for another study.",
    )
    assert command("run", definition, "--extend").code == 0
    assert json.loads(command("list", "--json").stdout)[0]["runs_finished"] == 3
    assert command("run", definition, "--name", "other").code == 0
    assert [each["study"] for each in json.loads(command("list", "--json").stdout)] == [
        "studies/other",
        "studies/small",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nothing"], "nothing: no study of this name in studies"),
        (["run", "nothing.toml"], "nothing.toml: no such file; write a definition with `tem-rf study new`."),
        (
            ["run", "first", "--extend"],
            "--extend: expected a separate definition file, received the existing study first",
        ),
        (
            ["run", "first", "--name", "second"],
            "--name: expected a separate definition file, received the existing study first",
        ),
        (["run", "first", "--slurm", "gpu"], "--slurm: expected an option and its value"),
        (["new", "nothing"], "is not a dataset (dataset.json is missing)"),
        (
            ["new", "DATASET", "--depth", "9"],
            "discs: patch_size 32 is not divisible by the pooling product of any network",
        ),
        (["new", "DATASET", "--min-field-px", "900"], "which is impossible; change the limits"),
        (["new", "DATASET", "--preset", "fig9"], "preset: expected one of fig2, fig3, fig4, received 'fig9'."),
        (["new", "DATASET", "--network", "unet"], "space: 'unet' is not an architecture"),
        (["new", "DATASET", "--strategy", "best"], "--strategy: input should be 'grid'"),
        (["new", "DATASET", *SMALL, "-o", "taken.toml"], "taken.toml: already exists"),
        (["watch", "nothing"], "nothing: no study of this name"),
        (["stop", "first"], "studies/first: no process is running this study (it is new)."),
        (["cancel", "first"], "studies/first: no process is running this study (it is new)."),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(
    arguments: Any, message: str, command: Command, tiny_dataset: Path, tmp_path: Path
) -> None:
    new_study(tiny_dataset, tmp_path / "studies" / "first")
    (tmp_path / "taken.toml").touch()
    before = sorted(tmp_path.rglob("*"))
    result = command(*(tiny_dataset if each == "DATASET" else each for each in arguments))
    assert result.code in (1, 2)
    assert message in result.stderr
    assert result.stderr.startswith("tem-rf: ")
    assert (result.stderr.count("\n"), result.stdout) == (1, "")
    assert sorted(tmp_path.rglob("*")) == before


def test_workers_that_cannot_be_had_are_one_line(
    definition: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    refused = command("run", definition, "--scheduler", "tcp://192.0.2.7:8786")
    assert refused.code == 2
    assert refused.stderr.count("an unencrypted scheduler") == 1
    assert command("list", "--json").stdout.count('"state": "failed"') == 1


def test_a_detached_study_is_started_once(definition: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def start(folder: StudyFolder, *options: str) -> int:
        started.append((folder.name, options))
        return 7

    monkeypatch.setattr(process, "start_detached", start)
    said = command("run", definition, "--detach").stderr
    assert "started as process 7; see `tem-rf study watch studies/small`" in said
    assert process.state(StudyFolder(Path("studies/small"))) == "queued"
    command("run", "small", "--detach", "--retry-failed")
    assert started == [("small", ()), ("small", ("--retry-failed",))]
    with process.claim(StudyFolder(Path("studies/small"))):
        refused = command("run", "small", "--detach")
    assert (refused.code, len(started)) == (1, 2)
    assert "is already running" in refused.stderr


def test_a_detached_study_whose_dataset_is_gone_says_so_to_those_who_watch(
    definition: Path, command: Command, tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "start_detached", lambda folder, *options: 7)
    dataset = shutil.copytree(tiny_dataset, tmp_path / "discs")
    definition.write_text(definition.read_text().replace(str(tiny_dataset), str(dataset)))
    command("run", definition, "--detach")
    shutil.rmtree(dataset)
    assert command("run", "small").code != 0
    watched = command("watch", "small")
    assert (watched.code, "failed: " in watched.stderr, "is not a dataset" in watched.stderr) == (1, True, True)


DRIVER = """
import sys, time
from tem_rf.runs import process
from tem_rf.runs.events import StatusEvent
from tem_rf.study.events import TrialEvent
from tem_rf.study.folder import StudyFolder
study = StudyFolder.open(sys.argv[1])
with process.claim(study):
    study.event_log().write(StatusEvent(state="running"))
    print("running", flush=True)
    while process.requested(study) is None:
        time.sleep(0.05)
    study.event_log().write(TrialEvent(state="failed", trial="", setup="au", architecture="n2-p22", detail="no memory"))
    study.event_log().write(StatusEvent(state="stopped", detail=process.requested(study)))
"""


@pytest.mark.parametrize("request_", ["stop", "cancel"])
def test_a_running_study_is_asked_and_watched_to_its_end(
    request_: str, tiny_dataset: Path, command: Command, tmp_path: Path
) -> None:
    study = new_study(tiny_dataset, tmp_path / "studies" / "first")
    with subprocess.Popen([sys.executable, "-c", DRIVER, study.path], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout.readline() == "running\n"
        assert command(request_, "first").stderr == f"studies/first: asked to {request_}\n"
        watched = command("watch", "first")
    assert watched.code == 0
    assert watched.stderr.splitlines()[-1] == f"studies/first: stopped: {request_}; 0 of 6 trainings finished"


def test_watching_a_killed_study_says_how_to_go_on(tiny_dataset: Path, command: Command, tmp_path: Path) -> None:
    study = new_study(tiny_dataset, tmp_path / "studies" / "my [x]")
    study.event_log().write(StatusEvent(state="running"))
    watched = command("watch", "my [x]")
    assert watched.code == 1
    assert watched.stderr.splitlines()[-1] == "Resume with: tem-rf study run 'studies/my [x]'"


def test_a_study_that_cannot_be_read_is_listed_as_such(command: Command, tmp_path: Path) -> None:
    (tmp_path / "studies" / "broken").mkdir(parents=True)
    (tmp_path / "studies" / "broken" / "study.toml").write_text("datasets = [")
    listed = command("list")
    assert listed.code == 0
    assert "unreadable" in listed.stdout


def test_names_with_brackets_are_printed_as_they_are(
    tiny_dataset: Path, command: Command, trained: list[dict[str, Any]], tmp_path: Path
) -> None:
    written = command("new", tiny_dataset, *SMALL, "-o", tmp_path / "x[" / "y].toml")
    assert "wrote" in written.stderr
    ran = command("run", tmp_path / "x[" / "y].toml", "--name", "[red]a", "--studies", tmp_path / "[/b]")
    assert ran.code == 0
    assert f"{tmp_path}/[/b]/[red]a: starting" in ran.stderr
